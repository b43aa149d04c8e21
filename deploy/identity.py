"""As whom a server runs. PostgreSQL refuses root, so a root launcher has to lend it another name.

In this order: root under the name "nobody" in a user namespace, which changes nothing on the
machine; then the user `nobody` itself, which works where program and data lie open to it. Only
folders inside the data folder ever change hands.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy import kernel

PROBE_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class ServerAccount:
    """`user` and `group` own its files; `drops` says that the child really becomes them."""

    name: str
    user: int
    group: int
    drops: bool = False
    enter: Callable[[], None] = lambda: None  # in the child, before exec

    def popen_arguments(self) -> dict[str, Any]:
        if not self.drops:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": ()}


def own() -> ServerAccount:
    return ServerAccount("the launcher's own user", os.geteuid(), os.getegid())


def candidates() -> tuple[ServerAccount, ...]:
    """As whom PostgreSQL might run here, the least intrusive first."""
    if os.geteuid() != 0:
        return (own(),)
    if sys.platform != "linux":
        return (_nobody(),)
    kernel.load()
    in_namespace = ServerAccount(
        "root in a user namespace", 0, 0, enter=kernel.enter_user_namespace
    )
    return (in_namespace, _nobody())


def _nobody() -> ServerAccount:
    entry = pwd.getpwnam("nobody")
    return ServerAccount("nobody", entry.pw_uid, entry.pw_gid, drops=True)


def hand_over(tree: Path, identity: ServerAccount) -> None:
    """Make a folder of ours, with all in it, belong to `identity`. Only root can and needs to."""
    if os.geteuid() != 0 or tree.stat().st_uid == identity.user:
        return
    # Bottom-up: the folder itself changes last, so that an interrupted hand-over is seen.
    for parent, folders, files in os.walk(tree, topdown=False):
        for name in (*folders, *files, "."):
            os.chown(Path(parent, name), identity.user, identity.group, follow_symlinks=False)


def version_as(identity: ServerAccount, program: Path, folder: Path) -> str:
    """What `program -V` says when `identity` runs it; empty where it cannot, or not write here."""
    test = ("/bin/sh", "-c", 'test -w "$0" && exec "$1" -V', str(folder), str(program))
    try:
        answer = subprocess.run(
            test,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS_MAX,
            check=False,
            preexec_fn=identity.enter,
            **identity.popen_arguments(),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
