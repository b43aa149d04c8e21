"""An embedded store as the stack sees it: its command, its readiness and its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.processes import Command

# Crash recovery and loading a long append-only file take time, and are worth waiting for.
READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0  # a checkpoint and a last fsync on a slow disk


@dataclass(frozen=True)
class Server:
    """A store that is ready to be started."""

    command: Command
    url: str
    socket_folder: Path
    is_ready: Callable[[], bool]


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a store.

    It contains no secrets, and no PGPORT or PGOPTIONS that would change its behaviour.
    """
    passed = {name: environment[name] for name in ("PATH", "TMPDIR") if name in environment}
    return {**passed, "LC_ALL": "C", "TZ": "UTC"}
