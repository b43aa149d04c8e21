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
from workers.core.faults import Disposition, disposition, is_broken_off
from workers.decisions.derive import derive, set_aside_affected
from workers.decisions.user_decisions import Decide
from workers.drain.bisect import store_bisecting
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.inbox_reader import InboxReader
from workers.facts.countries import CountryOf
from workers.facts.quarantine import find_quarantined, quarantine_entry, quarantine_event
from workers.facts.record import Recorded
from workers.privacy.tombstone_filter import TombstoneFilter
from workers.process import Database

_OUTAGE_PAUSE_SECONDS = 0.25
# After so many the events are suspected: that a group is met by so many unrelated ones is unlikely.
_BREAKS_MAX = 3
_BREAKS_ALONE_MAX = 5  # of one event, within 4 s at least, before it goes to quarantine
_IMPATIENT = "SET statement_timeout = '5s'"  # while searching: a lane waits for each attempt
_STATEMENT_TIMEOUT = "57014"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupStore:
    """A lane of a drain: its connection is used by one group at a time.

    An entry that was delivered more than `deliveries_max` times is taken apart. `is_over` tells
    when to stop waiting for PostgreSQL; `tombstones` leaves out what must not be stored.
    """

    inbox: InboxReader
    database: Database
    deliveries_max: int
    country_of: CountryOf
    metrics: DrainMetrics
    is_over: Callable[[], bool]
    decide: Decide = decide_by_rules
    tombstones: TombstoneFilter | None = None

    def store(self, group: Sequence[Entry]) -> Recorded | None:
        """Stores a group; returns None if PostgreSQL stays unavailable.

        The group is then still in the inbox, unharmed. Raises DatabaseError for an error that the
        events themselves may have caused.
        """
        breaks = 0
        while True:
            try:
                if breaks >= _BREAKS_MAX:
                    return self._isolate(group)
                return self._store(group)
            except DatabaseError as error:
                if disposition(sqlstate(error)) is not Disposition.RETRY:
                    raise
                if breaks >= _BREAKS_MAX:
                    breaks = 0
                elif sqlstate(error) == _STATEMENT_TIMEOUT:
                    breaks = _BREAKS_MAX  # one suffices: each takes as long as a drain
                elif is_broken_off(sqlstate(error)):
                    breaks += 1
                _log.warning(
                    "PostgreSQL failed with %s (SQLSTATE %s); the group is retried",
                    type(error).__name__,
                    sqlstate(error),
                )
            self.metrics.count_retry()
            self.database.close()
            self.inbox.reset_deliveries(group)
            time.sleep(_OUTAGE_PAUSE_SECONDS)
            if breaks >= _BREAKS_MAX and self.is_open():
                continue  # the next drain would have to count again
            if self.is_over() or not self.wait_for_database():
                return None

    def is_open(self) -> bool:
        """Tells whether the connection is open, or can be opened now."""
        try:
            self.database.connection()
        except DatabaseError:
            return False
        return True

    def wait_for_database(self) -> bool:
        """Waits for PostgreSQL before entries are read, so that an outage causes no deliveries.

        Returns False if the drain is over before PostgreSQL is reachable.
        """
        while True:
            try:
                run(self.database.connection(), "SELECT 1")
            except DatabaseError:
                self.database.close()
                if self.is_over():
                    return False
                time.sleep(_OUTAGE_PAUSE_SECONDS)
            else:
                return True

    def _store(self, group: Sequence[Entry]) -> Recorded:
        connection = self.database.connection()
        events, recorded = _decode(connection, group)
        if len(group) == 1 and group[0].deliveries > self.deliveries_max:
            return recorded + self._take_apart(connection, group[0], events)
        return recorded + self._store_and_derive(connection, events) if events else recorded

    def _isolate(self, group: Sequence[Entry]) -> Recorded:
        """Stores a group that PostgreSQL breaks off each time, except for the event at fault."""
        connection = self.database.connection()
        events, recorded = _decode(connection, group)
        done = find_quarantined(connection, [event.receipt for event in events])
        self.database.close()  # every attempt begins with a connection that is known to work
        return recorded + self._store_halving([e for e in events if e.receipt not in done])

    def _store_halving(self, events: Sequence[Event]) -> Recorded:
        """Stores events, halving them as long as PostgreSQL breaks off.

        Raises DatabaseError if PostgreSQL is unavailable.
        """
        state: str | None = None
        tries_max = _BREAKS_ALONE_MAX if len(events) == 1 else 1
        for attempt in range(tries_max):
            time.sleep(_OUTAGE_PAUSE_SECONDS * 2**attempt if attempt else 0)
            connection = self.database.connection()
            run(connection, _IMPATIENT)
            try:
                return self._store_and_derive(connection, events) if events else Recorded()
            except DatabaseError as error:
                state = sqlstate(error)
                if not is_broken_off(state):
                    raise
            finally:
                self.database.close()
        if len(events) == 1:
            # What is stored is not quarantined: its users are set aside instead.
            connection, detail = self.database.connection(), f"SQLSTATE {state}, {tries_max} tries"
            reason = QuarantineReason.REFUSED_BY_DATABASE
            if quarantine_event(connection, events[0], reason, detail):
                return Recorded(quarantined=1)
            set_aside_affected(connection, events)
            return Recorded(events=1)
        middle = len(events) // 2
        return self._store_halving(events[:middle]) + self._store_halving(events[middle:])

    def _take_apart(
        self, connection: Connection, entry: Entry, events: Sequence[Event]
    ) -> Recorded:
        """Stores the events of an entry one by one.

        Each event is noted before it is tried: the event that was noted when a worker died is the
        one that killed it.
        """
        recorded = Recorded()
        suspect = self.inbox.suspect(entry)
        done = find_quarantined(connection, [event.receipt for event in events])
        try:
            for index, event in enumerate(events):
                if event.receipt in done:
                    continue
                if index == suspect:
                    recorded += self._exclude(connection, entry, index, event)
                    continue
                self.inbox.note_suspect(entry, index)
                recorded += self._store_and_derive(connection, [event])
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
        return recorded


def _decode(connection: Connection, group: Sequence[Entry]) -> tuple[list[Event], Recorded]:
    """Decodes the entries of a group, and quarantines those that cannot be read."""
    recorded = Recorded()
    events: list[Event] = []
    for entry in group:
        try:
            events += entry.events()
        except msgspec.MsgspecError as error:
            quarantine_entry(connection, entry, str(type(error).__name__))
            recorded += Recorded(quarantined=entry.count)
    return events, recorded
