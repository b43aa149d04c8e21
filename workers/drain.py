"""The drain: takes entries from the inbox, stores their events, removes the entries.

    take → group → store facts → derive decisions → settle; until the inbox is empty or time is up

It asks for another drain when its time is up, and when there is work for one more worker. What it
holds when it dies is taken over by another; what it stored twice is stored once.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from shared import metrics
from shared.database import Connection, DatabaseError, sqlstate
from shared.events import Event
from shared.inbox import Entry
from shared.tally import Tally
from workers.core.faults import Disposition, disposition
from workers.countries import CountryOf, said_country
from workers.derive import derive
from workers.drain_counts import DrainCounts
from workers.drain_log import DrainLog
from workers.inbox import READ_ENTRIES_MAX, SMALL_ENTRIES_MAX, InboxReader
from workers.isolation import store
from workers.quarantine import KILLER, quarantine_entry, quarantine_event, quarantined
from workers.record import Recorded
from workers.stores import Database

_LOOK_SECONDS = 1.0  # between looks at what other workers left, and at what waits
_OUTAGE_PAUSE_SECONDS = 0.25
_TRANSACTIONS_HELD_MAX = 2  # what a worker holds, and what one alone is left with

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DrainLimits:
    drain_events_max: int
    drain_seconds_max: int
    deliveries_max: int
    linger_ms: int = 500  # waiting here for the next event is cheaper than a job for each


@dataclass(frozen=True, slots=True)
class Asks:
    """How a drain asks for another: for `help` where there is work for one more worker, and to
    `go_on` when its own time is up.
    """

    help: Callable[[], object]
    go_on: Callable[[], object]


class Drain:
    """`stopping` tells of a shutdown."""

    def __init__(
        self,
        inbox: InboxReader,
        database: Database,
        limits: DrainLimits,
        asks: Asks,
        stopping: Callable[[], bool],
        counts: DrainCounts | None = None,
    ) -> None:
        self._inbox = inbox
        self._counts = counts or DrainCounts(Tally())
        self._country_of: CountryOf = said_country
        self._lines = DrainLog()
        self._database = database
        self._limits = limits
        self._asks = asks
        self._stopping = stopping
        self._ends_at = time.monotonic() + limits.drain_seconds_max
        self._looks_at = 0.0
        self._entries_max = READ_ENTRIES_MAX

    def run(self, country_of: CountryOf = said_country) -> Recorded:
        """`country_of` tells that of each event.

        Raises DatabaseError for a fault that cannot be told apart from the events'.
        """
        self._country_of = country_of
        with self._counts.timed(metrics.DRAIN_SECONDS):
            recorded = self._run()
        self._lines.ended(recorded)
        return recorded

    def _run(self) -> Recorded:
        recorded = Recorded()
        entries = self._inbox.claim_own()
        while True:
            if entries:
                recorded += self._store(entries)
            if self._is_over() or not self._reachable():
                self._asks.go_on()
                return recorded
            entries = self._take()
            if not entries and not (entries := self._last_look()):
                return recorded

    def _is_over(self) -> bool:
        return self._stopping() or time.monotonic() >= self._ends_at

    def _take(self) -> list[Entry]:
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            self._inbox.stay_awake()
            events, entries = self._inbox.waiting()
            if events > _TRANSACTIONS_HELD_MAX * self._limits.drain_events_max:
                self._asks.help()
            self._entries_max = self._entries_to_hold(events, entries)
            if abandoned := self._inbox.claim_abandoned():
                return abandoned
        return self._inbox.read(self._limits.linger_ms, self._entries_max)

    def _last_look(self) -> list[Entry]:
        """First give up the flag, then look: who adds an entry after that asks for a drain."""
        self._inbox.fall_asleep()
        return self._inbox.read(None, self._entries_max)

    def _entries_to_hold(self, events: int, entries: int) -> int:
        """What two transactions hold: more would wait here while another worker has nothing."""
        events_each = max(1, events // max(1, entries))
        held_max = _TRANSACTIONS_HELD_MAX * self._limits.drain_events_max
        return min(SMALL_ENTRIES_MAX, max(1, held_max // events_each))

    def _store(self, entries: Sequence[Entry]) -> Recorded:
        self._counts.taken(entries)
        recorded = Recorded()
        with self._inbox.hold(entries):
            left = list(grouped(entries, self._limits.drain_events_max))
            while left and not self._stopping():
                group = left[0]
                stored = self._store_until_done(group)
                if stored is None:
                    break
                left.pop(0)
                self._inbox.settle(group)
                self._counts.settled(group, stored)
                self._lines.settled(group, stored)
                recorded += stored
        if left and self._stopping():
            self._inbox.release([entry for group in left for entry in group])
        return recorded

    def _store_until_done(self, group: Sequence[Entry]) -> Recorded | None:
        """None when PostgreSQL stayed away; the group is then still in the inbox, unharmed."""
        while True:
            try:
                return self._store_group(group)
            except DatabaseError as fault:
                if disposition(sqlstate(fault)) is not Disposition.RETRY:
                    raise
                _log.warning("PostgreSQL: %s (%s)", type(fault).__name__, sqlstate(fault))
            self._counts.retried()
            self._database.close()
            self._inbox.forgive(group)
            time.sleep(_OUTAGE_PAUSE_SECONDS)
            if self._is_over() or not self._reachable():
                return None

    def _store_group(self, group: Sequence[Entry]) -> Recorded:
        connection = self._database.connection()
        recorded = Recorded()
        events: list[Event] = []
        for entry in group:
            try:
                events += entry.events()
            except msgspec.MsgspecError as fault:
                quarantine_entry(connection, entry, str(type(fault).__name__))
                recorded += Recorded(quarantined=entry.count)
        if len(group) == 1 and group[0].deliveries > self._limits.deliveries_max:
            return recorded + self._take_apart(connection, group[0], events)
        return recorded + self._store_and_derive(connection, events) if events else recorded

    def _take_apart(
        self, connection: Connection, entry: Entry, events: Sequence[Event]
    ) -> Recorded:
        """One by one, noting each before it is tried: the one noted when a worker died, did it."""
        recorded = Recorded()
        suspect = self._inbox.suspect(entry)
        done = quarantined(connection, [event.receipt for event in events])
        for index, event in enumerate(events):
            if event.receipt in done:
                continue
            if index == suspect:
                quarantine_event(connection, event, KILLER, f"{entry.deliveries} deliveries")
                recorded += Recorded(quarantined=1)
                continue
            self._inbox.trying(entry, index)
            recorded += self._store_and_derive(connection, [event])
        return recorded

    def _store_and_derive(self, connection: Connection, events: Sequence[Event]) -> Recorded:
        """Facts first, decisions after: what is decided, is decided from committed facts."""
        with self._counts.timed(metrics.RECORD_SECONDS):
            recorded = store(connection, events, self._country_of)
        with self._counts.timed(metrics.DERIVE_SECONDS):
            self._counts.decided(derive(connection, events))
        return recorded

    def _reachable(self) -> bool:
        """Wait for PostgreSQL before anything is taken, so that an outage delivers nothing."""
        while True:
            try:
                self._database.connection().execute("SELECT 1")
            except DatabaseError:
                self._database.close()
                if self._is_over():
                    return False
                time.sleep(_OUTAGE_PAUSE_SECONDS)
            else:
                return True


def grouped(entries: Sequence[Entry], events_max: int) -> Iterator[list[Entry]]:
    """Entries that share a transaction. One that was delivered before stays alone."""
    group: list[Entry] = []
    events = 0
    for entry in entries:
        alone = entry.deliveries > 1
        if group and (alone or events + entry.count > events_max):
            yield group
            group, events = [], 0
        group.append(entry)
        events += entry.count
        if alone:
            yield group
            group, events = [], 0
    if group:
        yield group
