"""Empties addresses that an app no longer keeps, of events in the table and in day files."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.database import Connection, run, transaction
from shared.day_files.catalog import delete_file, expired_files, next_with_addresses
from shared.day_files.changes import change_rows
from shared.day_files.faults import DayFilesUnreadable, note_fault
from workers.core.addresses import public_address

ROWS_AT_ONCE = 2_000
FILES_AT_ONCE = 100

_WITH_ADDRESSES = """
SELECT receipt, environment, user_id, event_time, host(ip_address) FROM events
WHERE ip_address IS NOT NULL OR user_agent IS NOT NULL ORDER BY receipt
"""
_EMPTY_EVENTS = """
UPDATE events SET ip_address = NULL, user_agent = NULL
WHERE receipt = ANY(%(receipts)s) AND (ip_address IS NOT NULL OR user_agent IS NOT NULL)
"""
_EMPTY_SIGNALS = """
UPDATE signals SET address = NULL
FROM unnest(%(environments)s::text[], %(user_ids)s::text[], %(times)s::timestamptz[],
            %(receipts)s::uuid[]) AS sent (environment, user_id, at, receipt)
JOIN users ON users.app_id = %(app)s AND users.environment = sent.environment
    AND users.user_id = sent.user_id COLLATE "C"
WHERE signals.user_ref = users.id AND signals.event_time = sent.at
  AND signals.receipt = sent.receipt AND address IS NOT NULL
"""
_DELETE_SIGHTINGS = """
DELETE FROM sightings
USING unnest(%(environments)s::text[], %(times)s::timestamptz[], %(addresses)s::text[])
    AS sent (environment, at, place)
WHERE (event_time AT TIME ZONE 'UTC')::date = (sent.at AT TIME ZONE 'UTC')::date
  AND address = sent.place AND sightings.app_id = %(app)s
  AND sightings.environment = sent.environment AND event_time = sent.at
"""


def empty_addresses(connection: Connection, app_id: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Empties the addresses of events, and of what decisions read of them.

    A row has receipt, environment, user ID, event time and address.
    """
    receipts, environments, user_ids, times, addresses = zip(*rows, strict=True)
    arguments = {
        "app": app_id,
        "receipts": list(receipts),
        "environments": list(environments),
        "user_ids": list(user_ids),
        "times": list(times),
        "addresses": [public_address(address) for address in addresses],
    }
    run(connection, _DELETE_SIGHTINGS, arguments)
    run(connection, _EMPTY_SIGNALS, arguments)
    run(connection, _EMPTY_EVENTS, arguments)


def empty_day_file(connection: Connection, app_id: int, border: datetime) -> int:
    """Empties the addresses of the next day file that can be read. Raises DayFilesUnreadable."""

    def empty() -> int:
        rows = run(connection, _WITH_ADDRESSES).fetchall()
        for first in range(0, len(rows), ROWS_AT_ONCE):
            empty_addresses(connection, app_id, rows[first : first + ROWS_AT_ONCE])
        return len(rows)

    while file := next_with_addresses(connection, app_id, border.date()):
        try:
            return change_rows(connection, file, empty)
        except DayFilesUnreadable as error:
            if not note_fault(connection, error):
                raise
    return 0


def delete_day_files(connection: Connection, app_id: int, border: datetime) -> int:
    """Deletes day files of which no period is rolled up again."""
    last = (border - timedelta(days=1)).date()
    with transaction(connection):
        files = expired_files(connection, app_id, last, border, FILES_AT_ONCE)
        for file in files:
            delete_file(connection, file)
    return len(files)
