"""Lists and verifies day files, takes in newer versions of them, and asks for their events back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.day_files import parquet
from shared.day_files.catalog import DayFile, list_files, note_verified
from shared.day_files.claims import adopt_folder
from shared.day_files.faults import MARKER
from shared.day_files.folder import UnknownFile, find_fault, unknown_files
from shared.errors import OperatorError
from shared.rq_queue import enqueue

_RETURN = """
UPDATE day_files SET goes_back = true
WHERE (%(app)s::bigint IS NULL OR app_id = %(app)s) AND day >= %(first)s AND day <= %(last)s
"""
_MOVE = "UPDATE day_files SET folder = %s WHERE id = %s"
_ADOPT = """
UPDATE day_files SET
    version = %(version)s, event_count = %(event_count)s, size_bytes = %(size_bytes)s,
    sha256 = %(sha256)s, content_sha256 = %(content_sha256)s, unmapped = %(unmapped)s,
    addresses = %(addresses)s, fault = NULL, verified_at = now()
WHERE id = %(id)s
"""


@dataclass(frozen=True)
class FaultyDayFile:
    """A day file that cannot be read, and why."""

    name: str
    folder: str
    day: date
    events: int
    fault: str


@dataclass
class DayFileReport:
    """The result of reading all files through. `unknown` are files that no row names.

    `folders` are those that this database has taken over.
    """

    files: int = 0
    events: int = 0
    size_bytes: int = 0
    adopted: int = 0
    folders: list[str] = field(default_factory=list)
    faulty: list[FaultyDayFile] = field(default_factory=list)
    unknown: list[UnknownFile] = field(default_factory=list)


def adopt_files(connection: Connection, actor: Actor, place: str = "") -> DayFileReport:
    """Verifies files as `verify_files`, and takes over what is in their folders.

    A missing file is replaced by a newer version of it, as after an older backup was restored, and
    the folders become those of this database. A file that has gone to `place` is found there, as
    on another machine.
    """
    require_admin(actor)
    report = verify_files(connection, place=place, adopt=True)
    with transaction(connection):
        told = {"files": report.adopted, "folders": report.folders}
        record_change(connection, actor, None, Change(Action.DAYS_ADOPT, "day files", None, told))
    return report


def verify_files(connection: Connection, *, place: str = "", adopt: bool = False) -> DayFileReport:
    """Reads all day files through, and notes what is wrong with which.

    `place` is a folder in which there may be files that no row names.
    """
    parquet.require_installed()
    report, place = DayFileReport(), str(Path(place)) if place else ""
    for listed in list_files(connection):
        file = _found(connection, listed, place) if adopt and place else listed
        fault = find_fault(file)
        if fault == "missing" and adopt and (newer := _newest_version(file)):
            _adopt(connection, file, newer)
            report.adopted += 1
            continue
        note_verified(connection, file, fault)
        report.files += 1
        report.events += file.event_count
        report.size_bytes += file.size_bytes
        if fault:
            report.faulty.append(
                FaultyDayFile(file.name, file.folder, file.day, file.event_count, fault)
            )
    files = list_files(connection)
    for folder in sorted({file.folder for file in files} | ({place} - {""})):
        if adopt and _is_used(Path(folder), files):
            adopt_folder(connection, Path(folder))
            report.folders.append(folder)
        report.unknown += unknown_files(connection, Path(folder), files)
    return report


def _is_used(folder: Path, files: list[DayFile]) -> bool:
    """Tells whether a folder is more than the place at which a volume is to be mounted."""
    return (folder / MARKER).exists() or any(
        file.path.exists() for file in files if file.folder == str(folder)
    )


def ask_closing(resources: Resources, actor: Actor) -> None:
    """Has a worker move into files now what is due."""
    require_admin(actor)
    with transaction(resources.connection) as connection:
        change = Change(Action.DAYS_CLOSE, "day files", None, {})
        record_change(connection, actor, None, change)
        enqueue(resources.redis, "close_days")


def ask_back(
    resources: Resources, actor: Actor, app_id: int | None, first: date, last: date
) -> int:
    """Has a worker move the events of these days back into PostgreSQL; returns how many files."""
    require_admin(actor)
    with transaction(resources.connection) as connection:
        count = run(connection, _RETURN, {"app": app_id, "first": first, "last": last}).rowcount
        if not count:
            raise OperatorError(
                "No events of these days are in day files.", "See `waybill days list`."
            )
        told = {"first": str(first)[:10], "last": str(last)[:10], "files": count}
        change = Change(Action.DAYS_RESTORE, "day files", None, told)
        record_change(connection, actor, app_id, change)
        enqueue(resources.redis, "close_days")
    return count


def _found(connection: Connection, file: DayFile, place: str) -> DayFile:
    """Returns a file as it is in `place` if its folder has become that, and notes so."""
    moved = file._replace(folder=place)
    if file.path.exists() or not (moved.path.exists() or _newest_version(moved)):
        return file
    run(connection, _MOVE, (place, file.id))
    return moved


def _newest_version(file: DayFile) -> DayFile | None:
    versions = [each for each in _versions(file) if each > file.version]
    return file._replace(version=max(versions)) if versions else None


def _versions(file: DayFile) -> Iterator[int]:
    stem = file.path.stem.rpartition("_")[0]
    for path in file.path.parent.glob(f"{stem}_*.parquet"):
        number = path.stem.rpartition("_")[2]
        if number.isdecimal():
            yield int(number)


def _adopt(connection: Connection, file: DayFile, newer: DayFile) -> None:
    with TemporaryDirectory(prefix="waybill-day-") as place:
        content = parquet.content_digest(newer.path, Path(place) / "rows.csv")
    count, unmapped, addresses = parquet.measure(newer.path)
    values = {
        **newer._asdict(),
        "event_count": count,
        "size_bytes": newer.path.stat().st_size,
        "sha256": parquet.digest_of(newer.path),
        "content_sha256": content,
        "unmapped": unmapped,
        "addresses": addresses,
    }
    run(connection, _ADOPT, {**values, "id": file.id})
