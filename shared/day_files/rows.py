"""Reads and changes events in day files by the same SQL as events in the table `events`.

Whoever asks for events of some receipts or some time does so inside `rows_of_…`. If day files may
have some of them, a temporary table of the name `events` stands in front of the real one until the
end of the block: it holds the wanted rows of the table and of the files, so every statement finds
them where it finds all others. Changes are made one file at a time (`changes`), and end in a
new version of the file with new checksums.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.database import Connection, run, transaction
from shared.day_files import parquet
from shared.day_files.catalog import files_of_receipts, files_of_time, files_with_unmapped
from shared.day_files.folder import require_sound
from shared.day_files.front_table import (
    CREATE,
    DROP,
    HIDE,
    WantedRows,
    load,
    show,
    unprepared,
)

_ROWS_MAX = 1 << 62

_BY_RECEIPT = """
INSERT INTO events_shown SELECT * FROM events
WHERE receipt = ANY(%(receipts)s) AND receipt BETWEEN %(first)s AND %(last)s
"""
_COUNT_BY_RECEIPT = """
SELECT count(*) FROM events
WHERE receipt = ANY(%(receipts)s) AND receipt BETWEEN %(first)s AND %(last)s
"""
_BY_TIME = """
INSERT INTO events_shown SELECT * FROM events
WHERE app_id = %(app)s AND environment = %(environment)s AND receipt >= %(floor)s
  AND event_time >= %(begin)s AND event_time < %(until)s
  AND (%(after)s::uuid IS NULL OR (event_time, receipt) > (%(begin)s, %(after)s))
ORDER BY event_time, receipt LIMIT %(rows_max)s
"""
_BY_TIME_BACKWARDS = """
INSERT INTO events_shown SELECT * FROM events
WHERE app_id = %(app)s AND environment = %(environment)s AND receipt >= %(floor)s
  AND event_time >= %(begin)s AND event_time <= %(until)s
  AND (event_time, receipt) < (%(until)s, %(before)s)
ORDER BY event_time DESC, receipt DESC LIMIT %(rows_max)s
"""
_UNMAPPED = """
INSERT INTO events_shown SELECT * FROM events
WHERE app_id = %(app)s AND environment = %(environment)s AND unmapped
"""
_OF_RECEIPTS = "receipt BETWEEN $first AND $last AND receipt IN (SELECT unnest($receipts))"
_OF_TIME = """
environment = $environment AND event_time >= $begin AND event_time < $until
AND (event_time > $begin OR $after IS NULL OR receipt > CAST($after AS UUID))
"""
_OF_TIME_BACKWARDS = """
environment = $environment AND event_time >= $begin
AND (event_time < $until OR event_time = $until AND receipt < $before)
"""
_OF_UNMAPPED = "environment = $environment AND unmapped"


class EventsOfTime(NamedTuple):
    """Events of an app by event time, from `begin` until before `until`.

    With `after`, only those behind the event of this receipt at `begin`. With `before` they are the
    newest, before the event of this receipt at `until`. Of either the first `rows_max`. Events with
    a receipt before `floor` are left out of what the table has, as the statements do.
    """

    app_id: int
    environment: str
    begin: datetime
    until: datetime
    floor: UUID = UUID(int=0)
    after: UUID | None = None
    before: UUID | None = None
    rows_max: int = _ROWS_MAX


@contextmanager
def rows_of_receipts(
    connection: Connection, receipts: Iterable[UUID], app_id: int | None = None
) -> Iterator[None]:
    """Shows the events with these receipts in `events`, wherever they are.

    Begins a transaction, in which nothing goes from the table to a file between two statements.
    Raises DatabaseError, and DayFileFault for a file that cannot be read.
    """
    wanted = sorted(set(receipts))
    with _consistent(connection):
        files = files_of_receipts(connection, wanted, app_id)
        arguments: dict[str, object] = {"receipts": wanted}
        if files:
            arguments |= {"first": wanted[0], "last": wanted[-1]}
            if run(connection, _COUNT_BY_RECEIPT, arguments).fetchone() == (len(wanted),):
                files = []  # the table has all of them
        with _shown(connection, WantedRows(files, _OF_RECEIPTS, arguments), _BY_RECEIPT):
            yield


@contextmanager
def rows_of_time(connection: Connection, wanted: EventsOfTime) -> Iterator[None]:
    """Shows events by event time in `events`, wherever they are; as `rows_of_receipts`."""
    with _consistent(connection):
        files = files_of_time(connection, wanted.app_id, wanted.begin, wanted.until)
        arguments = {**wanted._asdict(), "app": wanted.app_id}
        rows_max = None if wanted.rows_max == _ROWS_MAX else wanted.rows_max
        if wanted.before is None:
            shown = WantedRows(files, _OF_TIME, arguments, rows_max=rows_max)
            context = _shown(connection, shown, _BY_TIME)
        else:
            shown = WantedRows(files, _OF_TIME_BACKWARDS, arguments, True, rows_max)
            context = _shown(connection, shown, _BY_TIME_BACKWARDS)
        with context:
            yield


@contextmanager
def unmapped_rows(connection: Connection, app_id: int, environment: str) -> Iterator[None]:
    """Shows the events of an app that had no event type in `events`; as `rows_of_receipts`."""
    with _consistent(connection):
        files = files_with_unmapped(connection, app_id)
        arguments = {"app": app_id, "environment": environment}
        with _shown(connection, WantedRows(files, _OF_UNMAPPED, arguments), _UNMAPPED):
            yield


def receipts_in_files(connection: Connection, receipts: Sequence[UUID]) -> set[UUID]:
    """Returns those of the receipts whose events are in files. Raises DayFileFault."""
    files = files_of_receipts(connection, receipts)
    paths = [require_sound(file) for file in files]
    return set(parquet.find_receipts(paths, receipts)) if paths else set()


@contextmanager
def _consistent(connection: Connection) -> Iterator[None]:
    """Begins a transaction, which sees one state unless it is part of another's."""
    is_idle = connection.info.transaction_status.name == "IDLE"
    with transaction(connection):
        if is_idle:
            run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@contextmanager
def _shown(connection: Connection, wanted: WantedRows, statement: str) -> Iterator[None]:
    """Shows rows of files, and those that `statement` copies from the table."""
    if not wanted.files:
        yield
        return
    with transaction(connection), unprepared(connection):
        run(connection, CREATE)
        load(connection, wanted.files, wanted)
        run(connection, statement, wanted.arguments)
        show(connection)
        yield
        run(connection, HIDE)
        run(connection, DROP)
