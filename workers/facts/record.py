"""Stores the facts of a batch in one transaction, with a constant number of statements.

Everything is keyed by receipt, so a batch that is recorded twice, or half by one worker and half by
another, ends with the same rows. Rows are written in the order of their keys, so that two workers
wait for one another instead of deadlocking.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database import Connection, index_only, run
from shared.events import CLICK_KINDS, Event
from workers.core.repeats import Key, Owner, fingerprint, key_of, separate
from workers.facts.click_rows import insert_clicks
from workers.facts.countries import CountryOf, sender_country
from workers.facts.event_rows import insert_events
from workers.facts.signal_rows import insert_signals
from workers.facts.unique_events import settle_uniques
from workers.rollups.stale_periods import MINUTE_MS, StalePeriod, hour_of, mark_stale
from workers.sql.expressions import from_ms

_INSERT_KEYS = f"""
INSERT INTO idempotency_keys (app_id, environment, key, receipt, fingerprint, received_at)
SELECT app_id, environment, key, receipt, fingerprint, {from_ms("received_at_ms")}
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::uuid[], %s::bytea[], %s::bigint[])
    AS sent (app_id, environment, key, receipt, fingerprint, received_at_ms)
ORDER BY app_id, environment, key, receipt
ON CONFLICT (app_id, environment, key) DO NOTHING
"""

# A separate statement: it sees the keys that another worker committed while ours waited for them.
_SELECT_OWNERS = """
SELECT app_id, environment, key, receipt, fingerprint
FROM idempotency_keys
JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS sent (app_id, environment, key)
    USING (app_id, environment, key)
"""

_INSERT_DUPLICATES = f"""
INSERT INTO duplicates (receipt, first_receipt, app_id, conflict, received_at)
SELECT receipt, first_receipt, app_id, conflict, {from_ms("received_at_ms")}
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::boolean[], %s::bigint[])
    AS sent (receipt, first_receipt, app_id, conflict, received_at_ms)
ORDER BY receipt
ON CONFLICT (receipt) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The number of events recorded, found to be duplicates, and quarantined.

    Of the duplicates, `conflicts` carried other data than the event that has their key. Those of
    erased people are `erased`: nothing of them is stored.
    """

    events: int = 0
    duplicates: int = 0
    quarantined: int = 0
    conflicts: int = 0
    erased: int = 0

    @property
    def summary(self) -> str:
        """Returns the result of a drain."""
        return (
            f"Stored {self.events} events; skipped {self.duplicates} duplicates; "
            f"quarantined {self.quarantined} events; left out {self.erased} of erased users"
        )

    def __add__(self, other: "Recorded") -> "Recorded":
        return Recorded(
            self.events + other.events,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            self.conflicts + other.conflicts,
            self.erased + other.erased,
        )


def record(
    connection: Connection, events: Sequence[Event], country_of: CountryOf = sender_country
) -> Recorded:
    """Records a batch of events. Raises DatabaseError, and then nothing is stored."""
    with index_only(connection):
        owners = _reserve_keys(connection, [event for event in events if key_of(event)])
        fresh, repeats = separate(events, owners)
        _insert_facts(connection, fresh, country_of)
        if repeats:
            columns = (
                [repeat.event.receipt for repeat in repeats],
                [repeat.first_receipt for repeat in repeats],
                [repeat.event.app_id for repeat in repeats],
                [repeat.conflict for repeat in repeats],
                [repeat.event.received_at_ms for repeat in repeats],
            )
            run(connection, _INSERT_DUPLICATES, columns)
    conflicts = sum(repeat.conflict for repeat in repeats)
    return Recorded(events=len(fresh), duplicates=len(repeats), conflicts=conflicts)


def _insert_facts(connection: Connection, fresh: Sequence[Event], country_of: CountryOf) -> None:
    clicks = [event for event in fresh if event.kind in CLICK_KINDS]
    events = [event for event in fresh if event.kind not in CLICK_KINDS]
    stale: list[StalePeriod] = []
    if events:
        insert_events(connection, events, country_of)
        stale = settle_uniques(connection, events)
    if clicks:
        insert_clicks(connection, clicks)
    if events:
        insert_signals(connection, events)
    minutes = {(it.app_id, it.environment, it.happened_at_ms // MINUTE_MS) for it in fresh}
    stale += [hour_of(app, environment, minute * MINUTE_MS) for app, environment, minute in minutes]
    if stale:
        mark_stale(connection, stale)


def _reserve_keys(connection: Connection, keyed: Sequence[Event]) -> dict[Key, Owner]:
    """Reserves the idempotency keys of these events and returns the owner of each."""
    if not keyed:
        return {}
    keys = (
        [event.app_id for event in keyed],
        [event.environment for event in keyed],
        [event.idempotency_key for event in keyed],
    )
    receipts = [event.receipt for event in keyed]
    fingerprints = [fingerprint(event) for event in keyed]
    times = [event.received_at_ms for event in keyed]
    run(connection, _INSERT_KEYS, (*keys, receipts, fingerprints, times))
    rows = run(connection, _SELECT_OWNERS, keys)
    return {tuple(key): Owner(receipt, bytes(content)) for *key, receipt, content in rows}
