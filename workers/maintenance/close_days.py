"""Moves events of days long ago into day files, and looks after the files that there are.

A step is a file, in a transaction of seconds: the rows are deleted and returned by one statement,
written, read again and compared, and the file is on the disk before the deletion is committed.
Meanwhile nobody rolls up the app, or looks for old events. A day's partition is dropped when it is
empty. Files are read through once a week, and what is wrong with one is noted and raises an alert.
"""

import time
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from shared.clock import Clock
from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from shared.day_files.catalog import (
    find_file,
    note_verified,
    receipt_bounds,
)
from shared.day_files.changes import move_to_file, move_to_table
from shared.day_files.claims import claim_folder
from shared.day_files.day_file_settings import OLDEST_DAYS_MIN, DayFileSettings
from shared.day_files.faults import DayFilesUnreadable
from shared.day_files.folder import delete_orphans, delete_replaced, find_fault
from shared.day_files.parquet import is_installed
from shared.ids import new_receipt
from shared.partitions import day_of, drop_day, event_days
from shared.shards.advisory_locks import AdvisoryLock, lock, try_lock
from workers.rollups.rollup_locks import may_roll_up

JOB_SECONDS = 10.0  # a file takes seconds, and others get their turn
_LOCK_NOT_AVAILABLE = "55P03"
_VERIFY_AFTER_DAYS = 7

_NEXT_APP = """
SELECT id FROM apps WHERE id > %(after)s AND EXISTS (
    SELECT FROM events
    WHERE events.app_id = apps.id AND environment IN ('production', 'sandbox')
      AND receipt >= %(first)s AND receipt < %(end)s
)
ORDER BY id LIMIT 1
"""
_HAS_EVENTS = """
SELECT EXISTS (SELECT FROM events WHERE receipt >= %(first)s AND receipt < %(end)s)
"""
_GOING_BACK = "SELECT id FROM day_files WHERE goes_back ORDER BY day, id"
_TO_VERIFY = """
SELECT id FROM day_files WHERE verified_at < now() - %s * interval '1 day'
ORDER BY verified_at LIMIT 1
"""


class ClosedDays(NamedTuple):
    """The numbers of files written, of events in them and moved back, and of files found faulty."""

    files: int = 0
    events: int = 0
    returned: int = 0
    faults: int = 0
    more: bool = False

    @property
    def summary(self) -> str:
        """Returns the result of the job."""
        return (
            f"Moved {self.events} events into {self.files} day files, and {self.returned} back; "
            f"{self.faults} files are faulty"
        )


class DayCloser:
    """A worker's way to move events into files, once they are as old as the settings say."""

    def __init__(self, connection: Connection, settings: DayFileSettings, now: Clock) -> None:
        self._connection = connection
        self._folder = Path(settings.day_files) if settings.day_files else None
        self._after_days = settings.close_after_days
        self._now = now
        self._done = ClosedDays()

    def run(self, seconds_max: float = JOB_SECONDS) -> ClosedDays:
        """Works until time is up or nothing is left.

        Raises DatabaseError, and DayFilesUnreadable where no file can be written.
        """
        ends_at = time.monotonic() + seconds_max
        if not is_installed():
            return self._done
        delete_replaced(self._connection)
        delete_orphans(self._connection, self._now())
        # Closing comes last: if there is no room, or no folder, it ends the job.
        for step in (self._return_next, self._verify_next, self._close_next):
            while step():
                if time.monotonic() >= ends_at:
                    return self._done._replace(more=True)
        delete_replaced(self._connection)
        return self._done

    def _return_next(self) -> bool:
        """Moves the next file that somebody wants back into the table."""
        for (file_id,) in run(self._connection, _GOING_BACK).fetchall():
            file = find_file(self._connection, file_id)
            try:
                with transaction(self._connection):
                    lock(self._connection, AdvisoryLock.CLOSE_DAYS)
                    count = move_to_table(self._connection, file) if file else 0
            except DayFilesUnreadable:
                continue
            self._done = self._done._replace(returned=self._done.returned + count)
            return True
        return False

    def _close_next(self) -> bool:
        """Writes the next file, or drops the next day that is empty."""
        if not self._after_days or self._folder is None:
            return False
        claim_folder(self._connection, self._folder)
        last = day_of(self._now()) - timedelta(days=max(self._after_days, OLDEST_DAYS_MIN))
        for day in event_days(self._connection):
            if day >= last:
                break
            first, end = receipt_bounds(day)
            bounds = {"first": first, "end": end, "after": 0}
            while found := run(self._connection, _NEXT_APP, bounds).fetchone():
                (app_id,) = found
                if self._close(app_id, day, self._folder):
                    return True
                bounds["after"] = app_id  # a worker rolls it up: its turn comes again
            if self._drop(day):
                return True
        return False

    def _close(self, app_id: int, day: date, folder: Path) -> bool:
        file_id: UUID = new_receipt(self._now())
        with transaction(self._connection) as connection:
            if not (
                try_lock(connection, AdvisoryLock.CLOSE_DAYS) and may_roll_up(connection, app_id)
            ):
                return False
            file = move_to_file(connection, file_id, app_id, day, folder)
        if file is None:
            return False
        done = self._done
        self._done = done._replace(files=done.files + 1, events=done.events + file.event_count)
        return True

    def _drop(self, day: date) -> bool:
        """Drops a day's partition if it is empty, unless somebody reads it just now."""
        first, end = receipt_bounds(day)
        bounds = {"first": first, "end": end}
        if run(self._connection, _HAS_EVENTS, bounds).fetchone() == (True,):
            return False
        try:
            with transaction(self._connection) as connection:
                # Nobody adds one, none comes back from a file, and nobody is about to read the
                # day. The second lock is not waited for: a drain waits for it with the first.
                lock(connection, AdvisoryLock.STORE_EVENTS)
                if not try_lock(connection, AdvisoryLock.CLOSE_DAYS) or run(
                    connection, _HAS_EVENTS, bounds
                ).fetchone() == (True,):
                    return False
                drop_day(connection, day)
        except DatabaseError as error:
            if sqlstate(error) != _LOCK_NOT_AVAILABLE:
                raise
            return False
        return True

    def _verify_next(self) -> bool:
        """Reads the file through that nobody has for the longest time."""
        found = run(self._connection, _TO_VERIFY, (_VERIFY_AFTER_DAYS,)).fetchone()
        file = find_file(self._connection, found[0]) if found else None
        if file is None:
            return False
        fault = find_fault(file)
        note_verified(self._connection, file, fault)
        self._done = self._done._replace(faults=self._done.faults + bool(fault))
        return True
