"""Lists the day files, in the table `day_files`, and finds those that may have certain events."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from shared.clock import now_ms
from shared.database import Connection, run
from shared.day_files.day_file_settings import OLDEST_DAYS_MIN
from shared.ids import receipt_floor, receipt_time_ms
from shared.shards.advisory_locks import AdvisoryLock, share

_DAY_MS = 86_400_000
_LAST_DAY_MS = 253_402_214_400_000  # 9999-12-31
_UNCERTAIN_DAYS = 2  # by which the clocks of programs and of PostgreSQL never differ

_COLUMNS = """
id, app_id, day, folder, version, event_count, size_bytes, sha256, content_sha256, first_receipt,
last_receipt, first_time, last_time, unmapped, addresses, fault
"""
_OF_RECEIPTS = f"""
SELECT {_COLUMNS} FROM day_files
WHERE day = ANY(%(days)s) AND first_receipt <= %(last)s AND last_receipt >= %(first)s
  AND (%(app)s::bigint IS NULL OR app_id = %(app)s)
ORDER BY app_id, day, id
"""
_OF_TIME = f"""
SELECT {_COLUMNS} FROM day_files
WHERE app_id = %(app)s AND first_time <= %(until)s AND last_time >= %(begin)s
ORDER BY day, id
"""
_OF_APP = f"""
SELECT {_COLUMNS} FROM day_files
WHERE (%(app)s::bigint IS NULL OR app_id = %(app)s)
  AND (%(begin)s::date IS NULL OR day >= %(begin)s)
  AND (%(until)s::date IS NULL OR day <= %(until)s)
ORDER BY day, app_id, id
"""
_UNMAPPED = f"""
SELECT {_COLUMNS} FROM day_files WHERE app_id = %s AND unmapped > 0 ORDER BY day, id
"""
_BY_ID = f"SELECT {_COLUMNS} FROM day_files WHERE id = %s"
_LOCK_BY_ID = f"{_BY_ID} FOR UPDATE"
FAULTY_FILES = """
SELECT app_id, count(*), min(day), max(day) FROM day_files
WHERE app_id = %(app)s AND fault IS NOT NULL GROUP BY app_id
"""
_FAULTY_FILES = f"""
SELECT {_COLUMNS} FROM day_files WHERE app_id = %s AND fault IS NOT NULL ORDER BY day, id LIMIT 10
"""
_VERIFIED = """
UPDATE day_files SET verified_at = now(), fault = %s WHERE id = %s AND version = %s
"""
_NEXT_WITH_ADDRESSES = f"""
SELECT {_COLUMNS} FROM day_files
WHERE app_id = %s AND addresses > 0 AND day < %s AND fault IS NULL ORDER BY day, id LIMIT 1
"""
_NEXT_TO_TRUNCATE = f"""
SELECT {_COLUMNS} FROM day_files
WHERE app_id = %s AND addresses > 0 AND NOT truncated AND fault IS NULL
ORDER BY day DESC, id LIMIT 1
"""
_TRUNCATED = "UPDATE day_files SET truncated = true WHERE id = %s"
_EXPIRED = f"""
SELECT {_COLUMNS} FROM day_files
WHERE app_id = %s AND day < %s AND last_time < %s ORDER BY day, id LIMIT %s
"""
_HAS_FILES = "SELECT EXISTS (SELECT FROM day_files WHERE app_id = %s)"
_INSERT = f"""
INSERT INTO day_files ({_COLUMNS})
VALUES (
    %(id)s, %(app_id)s, %(day)s, %(folder)s, %(version)s, %(event_count)s, %(size_bytes)s,
    %(sha256)s, %(content_sha256)s, %(first_receipt)s, %(last_receipt)s, %(first_time)s,
    %(last_time)s, %(unmapped)s, %(addresses)s, NULL
)
ON CONFLICT (id) DO UPDATE SET
    folder = excluded.folder, version = excluded.version, event_count = excluded.event_count,
    size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
    content_sha256 = excluded.content_sha256,
    first_time = excluded.first_time, last_time = excluded.last_time,
    first_receipt = excluded.first_receipt, last_receipt = excluded.last_receipt,
    unmapped = excluded.unmapped, addresses = excluded.addresses,
    written_at = excluded.written_at, verified_at = excluded.verified_at, fault = NULL
"""
_REPLACE = """
INSERT INTO replaced_day_files (folder, name) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""
_DELETE = "DELETE FROM day_files WHERE id = %s"


class DayFile(NamedTuple):
    """A file with events of one app that were received on one day of UTC.

    `sha256` is that of the file and `content_sha256` that of its rows as CSV. `addresses` counts
    rows with an IP address or a user agent.
    """

    id: UUID
    app_id: int
    day: date
    folder: str
    version: int
    event_count: int
    size_bytes: int
    sha256: bytes
    content_sha256: bytes
    first_receipt: UUID
    last_receipt: UUID
    first_time: datetime
    last_time: datetime
    unmapped: int
    addresses: int
    fault: str | None = None

    @property
    def name(self) -> str:
        """Returns the name in the folder: it says what the file holds, and never comes twice."""
        return f"{self.day:%Y-%m}/{self.day}_app{self.app_id}_{self.id}_{self.version}.parquet"

    @property
    def path(self) -> Path:
        return Path(self.folder) / self.name


def files_of_receipts(
    connection: Connection, receipts: Iterable[UUID], app_id: int | None = None
) -> list[DayFile]:
    """Finds the files that may have events with these receipts.

    Until the transaction ends, no such event goes from the table to a file: otherwise a look at the
    files and one at the table could both miss it. Nearly all events are younger than any that do,
    and cost one comparison. Raises DatabaseError.
    """
    wanted = sorted(set(receipts))
    if not wanted or not _is_old(receipt_time_ms(wanted[0])):
        return []
    share(connection, AdvisoryLock.CLOSE_DAYS)
    arguments = {
        "days": sorted({receipt_day(receipt) for receipt in wanted}),
        "first": wanted[0],
        "last": wanted[-1],
        "app": app_id,
    }
    return [DayFile(*row) for row in run(connection, _OF_RECEIPTS, arguments)]


def files_of_time(
    connection: Connection, app_id: int, begin: datetime, until: datetime
) -> list[DayFile]:
    """Finds the files of an app that may have events of a stretch of event time.

    Until the transaction ends they are not deleted, as with `files_of_receipts`.
    """
    if _is_old(begin.timestamp() * 1000):
        share(connection, AdvisoryLock.CLOSE_DAYS)
    arguments = {"app": app_id, "begin": begin, "until": until}
    return [DayFile(*row) for row in run(connection, _OF_TIME, arguments)]


def list_files(
    connection: Connection,
    app_id: int | None = None,
    days: tuple[date | None, date | None] = (None, None),
) -> list[DayFile]:
    """Lists the files of an app, or of all, by day."""
    arguments = {"app": app_id, "begin": days[0], "until": days[1]}
    return [DayFile(*row) for row in run(connection, _OF_APP, arguments)]


def files_with_unmapped(connection: Connection, app_id: int) -> list[DayFile]:
    """Finds the files of an app with events that had no event type; as `files_of_time`."""
    share(connection, AdvisoryLock.CLOSE_DAYS)
    return [DayFile(*row) for row in run(connection, _UNMAPPED, (app_id,))]


def next_with_addresses(connection: Connection, app_id: int, before: date) -> DayFile | None:
    """Finds the oldest file of an app, of a day before this one, that has addresses.

    Those that are known to be missing or damaged wait until somebody brings them back.
    """
    row = run(connection, _NEXT_WITH_ADDRESSES, (app_id, before)).fetchone()
    return None if row is None else DayFile(*row)


def next_to_truncate(connection: Connection, app_id: int) -> DayFile | None:
    """Finds the newest file of an app whose addresses nobody has truncated, if it can be read."""
    row = run(connection, _NEXT_TO_TRUNCATE, (app_id,)).fetchone()
    return None if row is None else DayFile(*row)


def note_truncated(connection: Connection, file: DayFile) -> None:
    """Notes that the addresses in a file are truncated, in the open transaction."""
    run(connection, _TRUNCATED, (file.id,))


def expired_files(
    connection: Connection, app_id: int, day: date, time: datetime, count: int
) -> list[DayFile]:
    """Finds files of days before `day` with no event at or after a time, the oldest first."""
    return [DayFile(*row) for row in run(connection, _EXPIRED, (app_id, day, time, count))]


def has_files(connection: Connection, app_id: int) -> bool:
    """Tells whether some events of an app are in files."""
    return run(connection, _HAS_FILES, (app_id,)).fetchone() == (True,)


def lock_file(connection: Connection, file_id: UUID) -> DayFile | None:
    """Returns a file as it is now and keeps others from changing it; None if it is gone."""
    row = run(connection, _LOCK_BY_ID, (file_id,)).fetchone()
    return None if row is None else DayFile(*row)


def faulty_files(connection: Connection, app_id: int) -> list[DayFile]:
    """Finds the first few files of an app that were missing or damaged when they were looked at."""
    return [DayFile(*row) for row in run(connection, _FAULTY_FILES, (app_id,))]


def find_file(connection: Connection, file_id: UUID) -> DayFile | None:
    """Returns a file; None if it is gone."""
    row = run(connection, _BY_ID, (file_id,)).fetchone()
    return None if row is None else DayFile(*row)


def note_verified(connection: Connection, file: DayFile, fault: str | None) -> None:
    """Notes that a file was read through, and what is wrong with it."""
    run(connection, _VERIFIED, (fault, file.id, file.version))


def _is_old(time_ms: float) -> bool:
    return time_ms < now_ms() - (OLDEST_DAYS_MIN - _UNCERTAIN_DAYS) * _DAY_MS


def save_file(connection: Connection, file: DayFile) -> None:
    """Notes a file, or its next version, in the open transaction."""
    run(connection, _INSERT, file._asdict())


def replace_file(connection: Connection, file: DayFile) -> None:
    """Notes that a version of a file is to be deleted when the open transaction has ended."""
    run(connection, _REPLACE, (file.folder, file.name))


def delete_file(connection: Connection, file: DayFile) -> None:
    """Forgets a file with its events, in the open transaction."""
    run(connection, _DELETE, (file.id,))
    replace_file(connection, file)


def receipt_day(receipt: UUID) -> date:
    """Returns the day of UTC whose partition and files may have a receipt.

    A receipt that nobody was given may have a time behind the last one that Python knows.
    """
    time_ms = min(receipt_time_ms(receipt), _LAST_DAY_MS)
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def receipt_bounds(day: date) -> tuple[UUID, UUID]:
    """Returns the smallest receipt of a day, and that of the next."""
    start_ms = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 1000
    return receipt_floor(start_ms), receipt_floor(start_ms + _DAY_MS)
