"""Keeps the output of children in one file each, in the data folder, limited in size.

A child appends to its file for as long as it lives, so the file cannot be renamed under it; it is
copied and truncated instead, which loses at most the lines written at that moment.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

LOG_BYTES_MAX = 8 * 1024 * 1024
TAIL_BYTES = 8 * 1024
# How PostgreSQL, initdb and Python's tracebacks mark the line that matters; others print it last.
TELLING = re.compile(r"FATAL: |PANIC: |\berror: |^[\w.]*(Error|Exception)\b")


def open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def rotate(path: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Copies a log longer than `bytes_max` to `<name>.1` and empties it.

    Where the disk has no room for the copy, the log is emptied without one, which makes room.
    """
    if not path.exists() or path.stat().st_size <= bytes_max:
        return
    copy = path.with_name(path.name + ".1")
    try:
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
    except OSError:
        with suppress(OSError):
            copy.unlink()
    os.truncate(path, 0)


def failure_line(path: Path, begin: int) -> str:
    """Returns the most telling line that was printed from byte `begin` on, or an empty string."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(begin, path.stat().st_size - TAIL_BYTES))
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    printed = [line for line in lines if line]
    telling = [line for line in printed if TELLING.search(line)]
    return (telling or printed or [""])[-1]
