"""An embedded store as the stack sees it: how to run it, when it is ready, where it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.processes import Command

# Crash recovery and a long append-only file take their time, and are worth waiting for.
READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0  # a checkpoint and a last fsync on a slow disk


@dataclass(frozen=True)
class Server:
    command: Command
    url: str
    socket_folder: Path
    is_ready: Callable[[], bool]


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a store may see: no secrets, and no PGPORT or PGOPTIONS to change its mind."""
    kept = {name: environment[name] for name in ("PATH", "TMPDIR") if name in environment}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
