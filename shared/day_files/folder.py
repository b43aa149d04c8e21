"""Keeps day files on the disk: whole or not at all, and none that does not match its checksum."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shared.database import Connection, run, transaction
from shared.day_files.catalog import DayFile
from shared.day_files.faults import DayFileFault
from shared.day_files.parquet import digest_of
from shared.shards.advisory_locks import AdvisoryLock, try_lock

_REPLACED = "SELECT folder, name FROM replaced_day_files"
_FORGET = "DELETE FROM replaced_day_files WHERE folder = %s AND name = %s"
_SUFFIX = ".parquet"

_sound: dict[Path, tuple[int, int, bytes]] = {}  # files that were compared, as they were then
_SOUND_MAX = 100_000


class UnknownFile(NamedTuple):
    """A file in the folder that no row names."""

    path: Path
    size_bytes: int


def find_fault(file: DayFile) -> str | None:
    """Reads a file through; returns what is wrong with it, None if nothing is."""
    _sound.pop(file.path, None)
    try:
        require_sound(file)
    except DayFileFault as error:
        return error.fault
    return None


def require_sound(file: DayFile) -> Path:
    """Returns the path of a file that is as it was written. Raises DayFileFault.

    A file is read through once in a process, unless it has changed since.
    """
    try:
        state = file.path.stat()
        known = (state.st_size, state.st_mtime_ns, file.sha256)
        if _sound.get(file.path) == known:
            return file.path
        is_sound = state.st_size == file.size_bytes and digest_of(file.path) == file.sha256
    except FileNotFoundError:
        raise DayFileFault(file, "missing") from None
    except OSError:
        raise DayFileFault(file, "damaged") from None
    if not is_sound:
        raise DayFileFault(file, "damaged")
    if len(_sound) >= _SOUND_MAX:
        _sound.clear()
    _sound[file.path] = known
    return file.path


def put(source: Path, target: Path) -> None:
    """Copies a file to its place, on the disk before it has its name. Raises OSError."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        while piece := read.read(1 << 20):
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def delete_replaced(connection: Connection) -> bool:
    """Deletes the versions of files that committed transactions have replaced.

    Tells whether that is done: as long as somebody looks for old events, who may have found these
    versions, they stay. Raises OSError where one cannot be deleted; it is tried again.
    """
    with transaction(connection):
        replaced = run(connection, _REPLACED).fetchall()
        if replaced and not try_lock(connection, AdvisoryLock.CLOSE_DAYS):
            return False
        for folder, name in replaced:
            (Path(folder) / name).unlink(missing_ok=True)
            run(connection, _FORGET, (folder, name))
    return True


def unknown_files(connection: Connection, folder: Path, files: list[DayFile]) -> list[UnknownFile]:
    """Lists the files of a folder that no row names: a writer died, or a backup is older."""
    known = {file.path for file in files}
    known |= {Path(place) / name for place, name in run(connection, _REPLACED)}
    return [UnknownFile(path, path.stat().st_size) for path in _paths(folder) if path not in known]


def _paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix == _SUFFIX or path.name.endswith(f"{_SUFFIX}.part")):
            yield path
