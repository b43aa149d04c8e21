"""Chooses the user that a server runs as: PostgreSQL refuses root, so root has to run it otherwise.

The candidates in order: root under the name "nobody" in a user namespace, which changes nothing on
the machine; then the user `nobody` itself, which works where that user can read program and data.
Only folders inside the data folder ever change their owner.
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
    """The user that a server runs as.

    `user` and `group` own its files; `drops` tells whether the child really changes to them.
    """

    name: str
    user: int
    group: int
    drops: bool = False
    enter: Callable[[], None] = lambda: None  # runs in the child, before exec

    def popen_arguments(self) -> dict[str, Any]:
        if not self.drops:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": ()}


def launcher_account() -> ServerAccount:
    return ServerAccount("the launcher's own user", os.geteuid(), os.getegid())


def candidate_accounts() -> tuple[ServerAccount, ...]:
    """Returns the accounts that PostgreSQL might run as here, the least intrusive first."""
    if os.geteuid() != 0:
        return (launcher_account(),)
    entry = pwd.getpwnam("nobody")
    nobody = ServerAccount("nobody", entry.pw_uid, entry.pw_gid, drops=True)
    if sys.platform != "linux":
        return (nobody,)
    kernel.load()
    in_namespace = ServerAccount(
        "root in a user namespace", 0, 0, enter=kernel.enter_user_namespace
    )
    return (in_namespace, nobody)


def change_owner(tree: Path, account: ServerAccount) -> None:
    """Gives a folder, with all that it contains, to `account`. Only root can do and needs this."""
    if os.geteuid() != 0 or tree.stat().st_uid == account.user:
        return
    # Bottom-up: the folder itself changes last, so that an interrupted change is recognized.
    for parent, folders, files in os.walk(tree, topdown=False):
        for name in (*folders, *files, "."):
            os.chown(Path(parent, name), account.user, account.group, follow_symlinks=False)


def version_as(account: ServerAccount, program: Path, folder: Path) -> str:
    """Returns what `program -V` prints when `account` runs it.

    The result is empty where it cannot run it, or cannot write to `folder`.
    """
    test = ("/bin/sh", "-c", 'test -w "$0" && exec "$1" -V', str(folder), str(program))
    try:
        result = subprocess.run(
            test,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS_MAX,
            check=False,
            preexec_fn=account.enter,
            **account.popen_arguments(),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout if result.returncode == 0 else ""
