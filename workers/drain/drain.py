"""The drain: takes entries from the inbox, stores their events, removes the entries.

    take → group → store facts → derive decisions → settle; until the inbox is empty or time is up

Two groups are stored side by side, where there are two: PostgreSQL works for one while Python works
for the other. It asks for another drain when its time is up, and when there is work for one more
worker. What it holds when it dies is taken over by another; what it stored twice is stored once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from shared import metrics
from shared.inbox import Entry
from shared.tally import Tally
from workers.core.decision import decide as decide_by_rules
from workers.decisions.user_decisions import Decide
from workers.drain.drain_log import DrainLog
from workers.drain.drain_metrics import DrainCounts
from workers.drain.group_store import GroupStore
from workers.drain.inbox_reader import READ_ENTRIES_MAX, SMALL_ENTRIES_MAX, InboxReader
from workers.drain.lanes import Group, Lanes
from workers.facts.countries import CountryOf, said_country
from workers.facts.record import Recorded
from workers.process import Database

_LOOK_SECONDS = 1.0  # between looks at what other workers left, and at what waits
_TRANSACTIONS_HELD_MAX = 2  # what a worker holds, and what one alone is left with


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
    """One lane for each of `databases`. `stopping` tells of a shutdown."""

    def __init__(
        self,
        inbox: InboxReader,
        databases: Sequence[Database],
        limits: DrainLimits,
        asks: Asks,
        stopping: Callable[[], bool],
        counts: DrainCounts | None = None,
    ) -> None:
        self._inbox = inbox
        self._counts = counts or DrainCounts(Tally())
        self._lines = DrainLog()
        self._databases = databases
        self._limits = limits
        self._asks = asks
        self._stopping = stopping
        self._ends_at = time.monotonic() + limits.drain_seconds_max
        self._looks_at = 0.0
        self._entries_max = READ_ENTRIES_MAX

    def run(
        self, country_of: CountryOf = said_country, decide: Decide = decide_by_rules
    ) -> Recorded:
        """`country_of` tells that of each event; users are decided by `decide`.

        Raises DatabaseError for a fault that cannot be told apart from the events'.
        """
        lanes = [self._lane(database, country_of, decide) for database in self._databases]
        with (
            self._counts.timed(metrics.DRAIN_SECONDS),
            ThreadPoolExecutor(len(lanes), "lane") as threads,
        ):
            recorded = self._run(Lanes(lanes, threads))
        self._lines.ended(recorded)
        return recorded

    def _lane(self, database: Database, country_of: CountryOf, decide: Decide) -> GroupStore:
        return GroupStore(
            self._inbox,
            database,
            self._limits.deliveries_max,
            country_of,
            self._counts,
            self._is_over,
            decide,
        )

    def _run(self, lanes: Lanes) -> Recorded:
        recorded = Recorded()
        entries = self._inbox.claim_own()
        while True:
            if entries:
                recorded += self._store(lanes, entries)
            if self._is_over() or not lanes.reachable():
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
            self._inbox.refresh_wake_flag()
            events, entries = self._inbox.waiting()
            if events > _TRANSACTIONS_HELD_MAX * self._limits.drain_events_max:
                self._asks.help()
            self._entries_max = self._entries_to_hold(events, entries)
            if abandoned := self._inbox.claim_abandoned():
                return abandoned
        return self._inbox.read(self._limits.linger_ms, self._entries_max)

    def _last_look(self) -> list[Entry]:
        """First give up the flag, then look: who adds an entry after that asks for a drain."""
        self._inbox.clear_wake_flag()
        return self._inbox.read(None, self._entries_max)

    def _entries_to_hold(self, events: int, entries: int) -> int:
        """What two transactions hold: more would wait here while another worker has nothing."""
        events_each = max(1, events // max(1, entries))
        held_max = _TRANSACTIONS_HELD_MAX * self._limits.drain_events_max
        return min(SMALL_ENTRIES_MAX, max(1, held_max // events_each))

    def _store(self, lanes: Lanes, entries: Sequence[Entry]) -> Recorded:
        self._counts.taken(entries)
        recorded = Recorded()
        with self._inbox.hold(entries):
            left: list[Group] = list(grouped(entries, self._limits.drain_events_max))
            while left and not self._stopping():
                groups = lanes.side_by_side(left)
                stored, unstored = self._settle(groups, lanes.store(groups))
                recorded += stored
                left = [*unstored, *left[len(groups) :]]
                if unstored:
                    break
        if left and self._stopping():
            self._inbox.release([entry for group in left for entry in group])
        return recorded

    def _settle(
        self, groups: Sequence[Group], outcomes: Sequence[Future[Recorded | None]]
    ) -> tuple[Recorded, list[Group]]:
        """What is stored, and those that are not, for PostgreSQL stayed away."""
        recorded, unstored = Recorded(), []
        for group, outcome in zip(groups, outcomes, strict=True):
            if outcome.exception() is not None:
                continue
            stored = outcome.result()
            if stored is None:
                unstored.append(group)
                continue
            self._inbox.ack(group)
            self._counts.settled(group, stored)
            self._lines.settled(group, stored)
            recorded += stored
        for outcome in outcomes:
            outcome.result()  # raises what one of them ended with, now that the others are settled
        return recorded, unstored


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
