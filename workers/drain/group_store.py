"""Stores a group of entries, even if PostgreSQL becomes unavailable or a worker dies."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from shared import metrics
from shared.database import Connection, DatabaseError, run, sqlstate
from shared.events import Event
from shared.inbox import Entry
from shared.vocabulary import QuarantineReason
from workers.core.decision import decide as decide_by_rules
from workers.core.faults import is_broken_off, is_obstructed
from workers.decisions.derive import derive, set_aside_affected
from workers.decisions.user_decisions import Decide
from workers.drain.bisect import store_bisecting
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.held_groups import HeldGroup, HeldGroups, HeldPart
from workers.drain.inbox_reader import InboxReader
from workers.facts.countries import CountryOf
from workers.facts.quarantine import find_quarantined, quarantine_entry, quarantine_event
from workers.facts.record import Recorded
from workers.patient_database import Database, Patience, is_retryable
from workers.privacy.tombstone_filter import TombstoneFilter

_OUTAGE_PAUSE_SECONDS = 0.25
_BREAKS_ALONE_MAX = 5  # tries of one event that PostgreSQL breaks off before it goes to quarantine
_BREAKS_UNPROVEN_MAX = 9  # the same where nothing else of its group was stored: some 40 s

# A statement of a drain takes milliseconds. While one waits for longer, other events wait with it.
LANE_PATIENCE = Patience(answer_seconds_max=3.0, lock_ms_max=1_000)
HELD_PATIENCE = Patience(answer_seconds_max=3.0, lock_ms_max=250)
_ANSWER_SECONDS_MAX = 24.0  # to which patience grows while nothing is answered

_log = logging.getLogger(__name__)

Publish = Callable[[Connection, Sequence[Event]], None]


def publish_nothing(_connection: Connection, _events: Sequence[Event]) -> None:
    """Publishes nothing, where no SDK asks."""


@dataclass(frozen=True, slots=True)
class GroupStore:
    """A lane of a drain: its connection is used by one group at a time.

    An entry that was delivered more than `deliveries_max` times is taken apart. `is_over` tells
    when to stop waiting for PostgreSQL; `tombstones` leaves out what must not be stored. A group
    that meets a lock, a time-out or a broken session is set aside in `held`, and tried again in
    parts. `publish` tells ingest what was decided for the users of SDKs.
    """

    inbox: InboxReader
    database: Database
    deliveries_max: int
    country_of: CountryOf
    metrics: DrainMetrics
    is_over: Callable[[], bool]
    held: HeldGroups
    decide: Decide = decide_by_rules
    tombstones: TombstoneFilter | None = None
    publish: Publish = publish_nothing

    def store(self, group: Sequence[Entry]) -> Recorded | None:
        """Stores a group; returns None if PostgreSQL is unavailable, or the group is set aside.

        The group is then still in the inbox, unharmed. Raises DatabaseError for an error that the
        events themselves may have caused.
        """
        while True:
            try:
                recorded = self._store(group)
            except DatabaseError as error:
                state = sqlstate(error)
                if not is_retryable(error):
                    raise
                self._close_after(error)
            else:
                self.held.note_stored()
                return recorded
            self.inbox.reset_deliveries(group)
            if is_obstructed(state) and self.is_open() and self.held.has_room(group):
                self.held.hold(group, read_events(group)[0])
                return None
            time.sleep(_OUTAGE_PAUSE_SECONDS)
            if self.is_over() or not self.wait_for_database():
                return None

    def retry(self, group: HeldGroup, part: HeldPart) -> bool:
        """Tries a part of a group that is set aside; tells whether the group is stored completely.

        Raises DatabaseError for an error that the events themselves may have caused.
        """
        try:
            connection = self.database.connection(self._patience(HELD_PATIENCE))
            recorded = Recorded()
            if group.has_unreadable:
                recorded += quarantine_unreadable(connection, read_events(group.entries)[1])
                group.has_unreadable = False
            done = find_quarantined(connection, [event.receipt for event in part.events])
            events = [event for event in part.events if event.receipt not in done]
            recorded += self._store_and_derive(connection, events) if events else Recorded()
        except DatabaseError as error:
            state = sqlstate(error)
            if not is_retryable(error):
                self.held.drop(group)
                raise
            self._close_after(error)
            is_proven = group.recorded != Recorded()
            tries_max = _BREAKS_ALONE_MAX if is_proven else _BREAKS_UNPROVEN_MAX
            if len(part.events) > 1 or not is_broken_off(state) or part.tries + 1 < tries_max:
                self.held.postpone(group, part)
                return False
            recorded = self._give_up(part.events[0], f"SQLSTATE {state}, {tries_max} tries")
        return self.held.finish(group, part, recorded)

    def is_open(self) -> bool:
        """Tells whether the connection is open, or can be opened now."""
        try:
            self.database.connection(LANE_PATIENCE)
        except DatabaseError:
            return False
        return True

    def wait_for_database(self) -> bool:
        """Waits for PostgreSQL before entries are read, so that an outage causes no deliveries.

        Returns False if the drain is over before PostgreSQL is reachable.
        """
        while True:
            try:
                run(self.database.connection(LANE_PATIENCE), "SELECT 1")
            except DatabaseError:
                self.database.close()
                if self.is_over():
                    return False
                time.sleep(_OUTAGE_PAUSE_SECONDS)
            else:
                return True

    def _store(self, group: Sequence[Entry]) -> Recorded | None:
        connection = self.database.connection(self._patience(LANE_PATIENCE))
        events, unreadable = read_events(group)
        recorded = quarantine_unreadable(connection, unreadable)
        if len(group) == 1 and group[0].deliveries > self.deliveries_max:
            taken_apart = self._take_apart(connection, group[0], events)
            return None if taken_apart is None else recorded + taken_apart
        return recorded + self._store_and_derive(connection, events) if events else recorded

    def _patience(self, patience: Patience) -> Patience:
        """Returns the patience, which grows while PostgreSQL answers nothing at all in time."""
        seconds = patience.answer_seconds_max * 2 ** min(self.held.unanswered, 3)
        return Patience(min(seconds, _ANSWER_SECONDS_MAX), patience.lock_ms_max)

    def _close_after(self, error: DatabaseError) -> None:
        _log.warning(
            "PostgreSQL failed with %s (SQLSTATE %s); the events are retried",
            type(error).__name__,
            sqlstate(error),
        )
        if is_broken_off(sqlstate(error)):
            self.held.note_unanswered()
        self.metrics.count_retry()
        self.database.close()

    def _give_up(self, event: Event, detail: str) -> Recorded:
        """Quarantines an event that PostgreSQL breaks off, or sets its users aside if stored."""
        connection = self.database.connection(self._patience(LANE_PATIENCE))
        reason = QuarantineReason.REFUSED_BY_DATABASE
        if quarantine_event(connection, event, reason, detail):
            return Recorded(quarantined=1)
        set_aside_affected(connection, [event])
        return Recorded(events=1)

    def _take_apart(
        self, connection: Connection, entry: Entry, events: Sequence[Event]
    ) -> Recorded | None:
        """Stores the events of an entry one by one; returns None if time is up before the last.

        Each event is noted before it is tried: the event that was noted when a worker died is the
        one that killed it. What was done when time was up is not tried again.
        """
        recorded = Recorded()
        first, suspect = self.inbox.progress(entry), self.inbox.suspect(entry)
        done = find_quarantined(connection, [event.receipt for event in events])
        try:
            for index, event in enumerate(events[first:], first):
                if event.receipt in done:
                    continue
                if index > max(first, suspect or 0) and self.is_over():
                    self.inbox.note_progress(entry, index)
                    return None
                if index == suspect:
                    recorded += self._exclude(connection, entry, index, event)
                    continue
                self.inbox.note_suspect(entry, index)
                try:
                    recorded += self._store_and_derive(connection, [event])
                except DatabaseError as error:
                    is_proven = recorded.events > 0 or entry.deliveries > 2 * self.deliveries_max
                    if is_retryable(error) or not is_proven:
                        raise
                    detail = f"SQLSTATE {sqlstate(error)}, {entry.deliveries} deliveries"
                    recorded += self._give_up(event, detail)
        except Exception:
            self.inbox.forget_suspect(entry)
            raise
        return recorded

    def _exclude(self, connection: Connection, entry: Entry, index: int, event: Event) -> Recorded:
        """Excludes the event that a worker died of.

        If it is stored, the worker died of a decision, or of something else after the commit: it is
        derived again, and when that has killed as many workers once more, the affected users are
        set aside, and each is decided by itself.
        """
        detail = f"{entry.deliveries} deliveries"
        if quarantine_event(connection, event, QuarantineReason.KILLED_WORKER, detail):
            return Recorded(quarantined=1)
        if entry.deliveries <= 2 * self.deliveries_max:
            self.inbox.note_suspect(entry, index)
            return self._store_and_derive(connection, [event])
        set_aside_affected(connection, [event])
        return Recorded(events=1)

    def _store_and_derive(self, connection: Connection, events: Sequence[Event]) -> Recorded:
        """Stores the facts, then derives decisions, which are always made from committed facts."""
        if self.tombstones is None:
            return self._store_admitted(connection, events)
        with self.tombstones.admitted(connection, events) as admitted:
            recorded = self._store_admitted(connection, admitted) if admitted else Recorded()
            return recorded + Recorded(erased=len(events) - len(admitted))

    def _store_admitted(self, connection: Connection, events: Sequence[Event]) -> Recorded:
        with self.metrics.measure_time(metrics.RECORD_SECONDS):
            recorded = store_bisecting(connection, events, self.country_of)
        with self.metrics.measure_time(metrics.DERIVE_SECONDS):
            self.metrics.count_decisions(derive(connection, events, self.decide))
        self.publish(connection, events)
        return recorded


def read_events(group: Sequence[Entry]) -> tuple[list[Event], list[tuple[Entry, str]]]:
    """Reads the events of entries; returns those entries apart that cannot be read, and why."""
    events: list[Event] = []
    unreadable = []
    for entry in group:
        try:
            events += entry.events()
        except msgspec.MsgspecError as error:
            unreadable.append((entry, type(error).__name__))
    return events, unreadable


def quarantine_unreadable(
    connection: Connection, unreadable: Sequence[tuple[Entry, str]]
) -> Recorded:
    """Quarantines whole entries."""
    for entry, detail in unreadable:
        quarantine_entry(connection, entry, detail)
    return Recorded(quarantined=sum(entry.count for entry, _ in unreadable))
