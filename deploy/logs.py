"""What children print: one file each in the data folder, kept short.

A child appends to its file for as long as it lives, so the file cannot be moved away under it;
it is copied and cut instead, which costs at most the lines of that moment.
"""

import os
import re
import shutil
from pathlib import Path

LOG_BYTES_MAX = 8 * 1024 * 1024
TAIL_BYTES = 8 * 1024
# How PostgreSQL, initdb and Python's tracebacks mark the line that matters; others say it last.
TELLING = re.compile(r"FATAL: |PANIC: |\berror: |^[\w.]*(Error|Exception)\b")


def open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def cut(path: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Keep the last `bytes_max` or more in `<name>.1` and begin anew, once it is longer."""
    if path.exists() and path.stat().st_size > bytes_max:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        path.with_name(path.name + ".1").chmod(0o600)
        os.truncate(path, 0)


def reason(path: Path, begin: int) -> str:
    """The line that tells most of what was printed from byte `begin` on, or an empty string."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(begin, path.stat().st_size - TAIL_BYTES))
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    spoken = [line for line in lines if line]
    telling = [line for line in spoken if TELLING.search(line)]
    return (telling or spoken or [""])[-1]
