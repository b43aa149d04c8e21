"""Drains the inbox: reads entries, stores their events and acknowledges the entries.

    read → group → store facts → derive decisions → acknowledge

It repeats this until the inbox is empty or time is up.

Two groups are stored side by side, if there are two: PostgreSQL works for one while Python works
for the other. A drain enqueues another when its time is up, and when there is work for one more
worker. Entries that it holds when it dies are claimed by another worker; what was stored twice ends
as one row.
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
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.drain_pace import DrainPace
from workers.drain.group_store import GroupStore, Publish, publish_nothing
from workers.drain.held_groups import HeldGroups
from workers.drain.inbox_reader import READ_ENTRIES_MAX, SMALL_ENTRIES_MAX, InboxReader
from workers.drain.lanes import Group, Lanes
from workers.facts.countries import CountryOf, sender_country
from workers.facts.record import Recorded
from workers.patient_database import Database
from workers.privacy.tombstone_filter import TombstoneFilter

_LOOK_SECONDS = 1.0  # between checks for abandoned entries and for the size of the backlog
_RETRY_SECONDS_MAX = 0.2  # of what is set aside, before new entries have their turn again
_TRANSACTIONS_HELD_MAX = 2  # that a worker reads at once, and that one worker is left to do alone


@dataclass(frozen=True, slots=True)
class DrainLimits:
    """The limits of a drain, most of them from settings."""

    drain_events_max: int
    drain_seconds_max: int
    deliveries_max: int
    linger_ms: int = 500  # waiting here for the next event is cheaper than a job for each


@dataclass(frozen=True, slots=True)
class DrainRequests:
    """The ways in which a drain has others work.

    It calls `help` where there is work for one more worker, `resume` when its time is up, and
    `deliver` after each transaction, which may have made callbacks due.
    """

    help: Callable[[], object]
    resume: Callable[[], object]
    deliver: Callable[[], object] = lambda: None


class Drain:
    """A run of the job, with one lane for each of `databases`; `stopping` reports a shutdown."""

    def __init__(
        self,
        inbox: InboxReader,
        databases: Sequence[Database],
        limits: DrainLimits,
        requests: DrainRequests,
        stopping: Callable[[], bool],
        drain_metrics: DrainMetrics | None = None,
    ) -> None:
        self._inbox = inbox
        self._metrics = drain_metrics or DrainMetrics(Tally())
        self._log = DrainLog()
        self._databases = databases
        self._limits = limits
        self._requests = requests
        self._stopping = stopping
        self._ends_at = time.monotonic() + limits.drain_seconds_max
        self._looks_at = 0.0
        self._entries_max = READ_ENTRIES_MAX
        self._held = HeldGroups()
        self._are_parked = False  # events of apps beyond their share, when last looked at
        self._pace = DrainPace(_TRANSACTIONS_HELD_MAX * limits.drain_events_max)

    def run(
        self,
        country_of: CountryOf = sender_country,
        decide: Decide = decide_by_rules,
        tombstones: TombstoneFilter | None = None,
        held: HeldGroups | None = None,
        publish: Publish = publish_nothing,
    ) -> Recorded:
        """Drains until the inbox is empty, time is up, or a shutdown was requested.

        `country_of` determines the country of each event, `decide` the decisions about users,
        `tombstones` leaves out events of erased people; `held` are the groups that earlier drains
        of this worker have set aside, and `publish` tells ingest what SDKs ask. Raises
        DatabaseError for an error that the events themselves may have caused.
        """
        self._held = self._held if held is None else held
        stores = [
            GroupStore(
                inbox=self._inbox,
                database=database,
                deliveries_max=self._limits.deliveries_max,
                country_of=country_of,
                metrics=self._metrics,
                is_over=self._is_over,
                held=self._held,
                decide=decide,
                tombstones=tombstones,
                publish=publish,
            )
            for database in self._databases
        ]
        with (
            self._metrics.measure_time(metrics.DRAIN_SECONDS),
            ThreadPoolExecutor(len(stores), "lane") as threads,
        ):
            recorded = self._drain(Lanes(stores, threads))
            if self._stopping():
                self._inbox.release(self._held.drop_all())
        self._log.log_end(recorded)
        return recorded

    def _drain(self, lanes: Lanes) -> Recorded:
        recorded = Recorded()
        entries = self._held.without(self._inbox.claim_own())
        while True:
            if entries:
                recorded += self._store(lanes, entries)
            recorded += self._retry_held(lanes)
            if self._is_over() or not lanes.wait_for_database():
                self._requests.resume()
                return recorded
            entries = self._held.without(self._read())
            if not entries and not self._held:
                # The flag is cleared before the last read: whoever adds an entry after that
                # enqueues a drain.
                self._inbox.clear_wake_flag()
                self._release_parked()
                entries = self._inbox.read(None, self._entries_max)
                if not entries:
                    return recorded

    def _is_over(self) -> bool:
        return self._stopping() or time.monotonic() >= self._ends_at

    def _read(self) -> list[Entry]:
        """Reads the next entries, and once a second looks at the backlog and at abandoned ones."""
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            self._inbox.refresh_wake_flag()
            self._inbox.renew(list(self._held.entries()))
            self._release_parked()
            waiting = self._inbox.waiting()
            events_held_max = _TRANSACTIONS_HELD_MAX * self._limits.drain_events_max
            if waiting.events > events_held_max:
                self._requests.help()
            # As many entries as two transactions take: more would wait here while another worker
            # has nothing to do.
            events_each = max(1, (waiting.events - waiting.parked) // max(1, waiting.entries))
            self._entries_max = min(SMALL_ENTRIES_MAX, max(1, events_held_max // events_each))
            if abandoned := self._inbox.claim_abandoned():
                return abandoned
        elif self._are_parked:
            self._release_parked()
        linger_ms = None if self._are_parked else self._limits.linger_ms
        return self._inbox.read(linger_ms, self._entries_max)

    def _release_parked(self) -> None:
        """Releases about a second's work of apps that have more queued than their share.

        The share is as much: it stands before other apps' events when a burst begins.
        """
        events_max = self._pace.events_max
        self._are_parked = self._inbox.release_parked(events_max, events_max)

    def _retry_held(self, lanes: Lanes) -> Recorded:
        """Tries again what is set aside and due, until one try took long: others wait meanwhile."""
        recorded = Recorded()
        ends_at = time.monotonic() + _RETRY_SECONDS_MAX
        while not self._stopping() and (due := self._held.next_due()) is not None:
            group, part = due
            if lanes.retry(group, part):
                self._finish(group.entries, group.recorded)
                recorded += group.recorded
            if time.monotonic() >= ends_at:
                break
        return recorded

    def _finish(self, entries: Sequence[Entry], recorded: Recorded) -> None:
        """Acknowledges entries of which every event is in a table."""
        self._inbox.ack(entries)
        self._metrics.count_acknowledged(entries, recorded)
        self._log.log_stored(entries, recorded)
        self._requests.deliver()

    def _store(self, lanes: Lanes, entries: Sequence[Entry]) -> Recorded:
        """Stores entries group by group, and releases what is left when that ends early.

        What was not begun was not delivered: each outage would make suspects of it.
        """
        self._metrics.count_read(entries)
        recorded = Recorded()
        events_max = self._limits.drain_events_max
        if self._are_parked:  # a second's work keeps every lane busy
            lanes_max = len(self._databases)
            events_max = self._pace.transaction_events(entries, events_max, lanes_max)
        remaining: list[Group] = list(group_entries(entries, events_max))
        begun: Sequence[Group] = ()
        try:
            with self._inbox.hold(entries), self._pace.measured(entries):
                while remaining and not self._stopping():
                    begun = lanes.side_by_side(remaining)
                    stored, unstored = self._acknowledge(begun, lanes.store(begun))
                    recorded += stored
                    remaining, begun = [*unstored, *remaining[len(begun) :]], ()
                    if unstored:
                        break
        finally:
            waiting = remaining[len(begun) :]
            self._inbox.release([entry for group in waiting for entry in group])
        return recorded

    def _acknowledge(
        self, groups: Sequence[Group], outcomes: Sequence[Future[Recorded | None]]
    ) -> tuple[Recorded, list[Group]]:
        """Acknowledges the groups that were stored.

        Returns what was recorded, and the groups that were not stored because PostgreSQL stayed
        unavailable; groups that were set aside are neither.
        """
        recorded, unstored = Recorded(), []
        for group, outcome in zip(groups, outcomes, strict=True):
            if outcome.exception() is not None:
                continue
            stored = outcome.result()
            if stored is None:
                unstored += [group] if self._held.without(group) else []
                continue
            self._finish(group, stored)
            recorded += stored
        for outcome in outcomes:
            outcome.result()  # raises the error of a lane, now that the others are acknowledged
        return recorded, unstored


def group_entries(entries: Sequence[Entry], events_max: int) -> Iterator[list[Entry]]:
    """Groups the entries that share a transaction; one that was delivered before stays alone."""
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
