"""Settles which of a user's unique events counts, in the transaction that records them.

The row of `unique_events` is the lock: a second worker waits for it and sees what the first has
decided. Rows are locked in the order of their keys, so that workers cannot deadlock.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Connection, run
from shared.day_files.catalog import files_of_receipts
from shared.day_files.changes import change_rows
from shared.day_files.folder import require_sound
from shared.day_files.parquet import find_receipts
from shared.day_files.rows import rows_of_receipts
from shared.event_columns import PLAIN_COLUMNS
from shared.events import Event
from workers.core.uniques import Occurrence, UniqueKey, settle, ties
from workers.rollups.stale_periods import StalePeriod, hour_of
from workers.sql.expressions import as_ms, from_ms

_UNIQUE_TYPES = """
SELECT app_id, mapping_id, id FROM event_types WHERE is_unique AND app_id = ANY(%s)
"""

_KEYS = "app_id, environment, event_type_id, user_id"
_SENT_KEYS = f"""
    unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[]) AS sent ({_KEYS})
"""
_SENT = f"""
    unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::uuid[])
        AS sent ({_KEYS}, time_ms, receipt)
"""
_TIME = from_ms("sent.time_ms")

_INSERT = f"""
INSERT INTO unique_events ({_KEYS}, event_time, receipt)
SELECT {_KEYS}, {_TIME}, receipt FROM {_SENT}
ORDER BY {_KEYS}
ON CONFLICT DO NOTHING
"""

# A separate statement: it sees what another worker committed while ours waited for it.
_LOCK = f"""
SELECT {_KEYS}, {as_ms("event_time")}, receipt
FROM unique_events JOIN {_SENT_KEYS} USING ({_KEYS})
ORDER BY {_KEYS}
FOR UPDATE OF unique_events
"""

_UPDATE = f"""
UPDATE unique_events SET event_time = {_TIME}, receipt = sent.receipt
FROM {_SENT}
WHERE unique_events.app_id = sent.app_id AND unique_events.environment = sent.environment
  AND unique_events.event_type_id = sent.event_type_id AND unique_events.user_id = sent.user_id
"""

_PLAIN = ", ".join(column.name for column in PLAIN_COLUMNS)
# What an event says, but for its receipt and its key, in the order in which its content comes.
_CONTENTS = f"""
SELECT receipt, (sale_amount IS NULL)::integer || md5(ROW(
    kind, sale_amount, sale_amount_currency, aggregated_event_value, event_value, click_id,
    device_ids, parameters, ip_address, user_agent, {_PLAIN}
)::text)
FROM events WHERE receipt BETWEEN %s AND %s AND receipt = ANY(%s)
"""

# The range lets PostgreSQL skip the days that cannot hold a match.
_DISCOUNT = """
UPDATE events SET counted = false
WHERE receipt BETWEEN %s AND %s AND receipt = ANY(%s) AND counted
"""


def settle_uniques(connection: Connection, events: Sequence[Event]) -> list[StalePeriod]:
    """Settles these events and returns the hours of all events that no longer count."""
    apps = sorted({event.app_id for event in events})
    types = {
        (app, mapping_id): event_type
        for app, mapping_id, event_type in run(connection, _UNIQUE_TYPES, (apps,))
    }
    occurrences = [
        (
            (event.app_id, event.environment.value, event_type, event.user_id),
            Occurrence(event.happened_at_ms, event.receipt),
        )
        for event in events
        if (event_type := types.get((event.app_id, event.event_id))) is not None
    ]
    return settle_occurrences(connection, occurrences)


def settle_occurrences(
    connection: Connection, sent: Sequence[tuple[UniqueKey, Occurrence]]
) -> list[StalePeriod]:
    """Does the same for stored events that are known to be of unique types."""
    if not sent:
        return []
    earliest = settle({}, sent).counting
    run(connection, _INSERT, _columns(earliest))
    rows = run(connection, _LOCK, _columns(earliest)[:4])
    current = {
        (app, environment, event_type, user): Occurrence(time_ms, receipt)
        for app, environment, event_type, user, time_ms, receipt in rows
    }
    tied = ties(current, sent)
    contents: dict[UUID, str] = {}
    if tied:
        with rows_of_receipts(connection, tied):
            contents = dict(run(connection, _CONTENTS, (tied[0], tied[-1], tied)).fetchall())
    settled = settle(current, sent, contents)
    if settled.counting:
        run(connection, _UPDATE, _columns(settled.counting))
    if settled.beaten:
        _discount(connection, sorted(occurrence.receipt for _, occurrence in settled.beaten))
    return [
        hour_of(app, environment, occurrence.time_ms)
        for (app, environment, _, _), occurrence in settled.beaten
    ]


def _discount(connection: Connection, receipts: list[UUID]) -> None:
    def discount() -> int:
        return run(connection, _DISCOUNT, (receipts[0], receipts[-1], receipts)).rowcount

    files = files_of_receipts(connection, receipts)
    discount()
    for file in files:
        if find_receipts([require_sound(file)], receipts):  # most files of a day have none
            change_rows(connection, file, discount)


def _columns(occurrences: dict[UniqueKey, Occurrence]) -> tuple[list[object], ...]:
    rows = [(*key, *occurrence) for key, occurrence in sorted(occurrences.items())]
    return tuple(list(column) for column in zip(*rows, strict=True))
