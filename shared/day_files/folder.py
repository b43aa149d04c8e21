"""Keeps day files on the disk: whole or not at all, and none that does not match its checksum."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from shared.database import Connection, run, transaction
from shared.day_files.catalog import DayFile, list_files
from shared.day_files.claims import claimed_folders, sync_folder
from shared.day_files.faults import DayFileFault
from shared.day_files.parquet import digest_of
from shared.shards.advisory_locks import AdvisoryLock, try_lock

_REPLACED = "SELECT folder, name FROM replaced_day_files"
_FORGET = "DELETE FROM replaced_day_files WHERE folder = %s AND name = %s"
_SUFFIX = ".parquet"
_ORPHAN_MINUTES = 60  # no transaction that writes a file takes longer

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
    target.parent.mkdir(mode=0o700, exist_ok=True)
    sync_folder(target.parent.parent)
    part = target.with_name(f".{target.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        while piece := read.read(1 << 20):
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())
    part.replace(target)
    sync_folder(target.parent)


def delete_replaced(connection: Connection) -> bool:
    """Deletes the versions of files that committed transactions have replaced.

    Tells whether that is done: as long as somebody looks for old events, who may have found these
    versions, they stay, and so they do while their folder is not there.
    """
    is_done = True
    with transaction(connection):
        replaced = run(connection, _REPLACED).fetchall()
        if replaced and not try_lock(connection, AdvisoryLock.CLOSE_DAYS):
            return False
        ours = claimed_folders(connection) if replaced else {}
        for folder, name in replaced:
            is_gone = Path(folder) in ours and _delete(Path(folder) / name)
            is_done &= is_gone
            if is_gone:
                run(connection, _FORGET, (folder, name))
    return is_done


def delete_orphans(connection: Connection, now_ms: int) -> int:
    """Deletes files that no row names, an hour after they were written; returns how many.

    A worker has written them and died before its rows were committed. Newer versions of a file that
    is missing stay: a restored backup may know the one before. So does what was there before the
    folder became ours, which may be another installation's, and a file whose name a row has with
    another folder: that may be another path of the same one.
    """
    deleted, folders = 0, claimed_folders(connection)
    files = list_files(connection) if folders else []
    named = {file.path.name for file in files}
    for folder, since_ms in folders.items():
        unknown = [
            it for it in unknown_files(connection, folder, files) if it.path.name not in named
        ]
        missing = {stem_of(file.path) for file in files if unknown and not file.path.exists()}
        for path, _ in unknown:
            with suppress(OSError):  # it has gone, or is looked at again
                written_ms = path.stat().st_mtime * 1000
                is_old = since_ms < written_ms < now_ms - _ORPHAN_MINUTES * 60_000
                if is_old and stem_of(path) not in missing:
                    deleted += _delete(path)
    return deleted


def stem_of(path: Path) -> str:
    """Returns what the names of all versions of a file begin with."""
    return path.name.removeprefix(".").rpartition("_")[0]


def _delete(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
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
