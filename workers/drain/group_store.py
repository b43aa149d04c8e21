"""Stores a group of entries, whatever becomes of PostgreSQL or of a worker meanwhile."""

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
from workers.core.faults import Disposition, disposition
from workers.decisions.derive import derive
from workers.decisions.user_decisions import Decide
from workers.drain.bisect import store_bisecting
from workers.drain.drain_metrics import DrainCounts
from workers.drain.inbox_reader import InboxReader
from workers.facts.countries import CountryOf
from workers.facts.quarantine import quarantine_entry, quarantine_event, quarantined
from workers.facts.record import Recorded
from workers.process import Database

_OUTAGE_PAUSE_SECONDS = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupStore:
    """Of one lane of a drain: its connection is used by one group at a time.

    An entry that was delivered more than `deliveries_max` times is taken apart. `is_over` tells
    when not to wait for PostgreSQL any longer.
    """

    inbox: InboxReader
    database: Database
    deliveries_max: int
    country_of: CountryOf
    counts: DrainCounts
    is_over: Callable[[], bool]
    decide: Decide = decide_by_rules

    def store(self, group: Sequence[Entry]) -> Recorded | None:
        """None when PostgreSQL stayed away; the group is then still in the inbox, unharmed.

        Raises DatabaseError for a fault that cannot be told apart from the events'.
        """
        while True:
            try:
                return self._store(group)
            except DatabaseError as fault:
                if disposition(sqlstate(fault)) is not Disposition.RETRY:
                    raise
                _log.warning("PostgreSQL: %s (%s)", type(fault).__name__, sqlstate(fault))
            self.counts.retried()
            self.database.close()
            self.inbox.reset_deliveries(group)
            time.sleep(_OUTAGE_PAUSE_SECONDS)
            if self.is_over() or not self.reachable():
                return None

    def is_open(self) -> bool:
        """Whether its connection is there, or can be made now."""
        try:
            self.database.connection()
        except DatabaseError:
            return False
        return True

    def reachable(self) -> bool:
        """Wait for PostgreSQL before anything is taken, so that an outage delivers nothing."""
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
        recorded = Recorded()
        events: list[Event] = []
        for entry in group:
            try:
                events += entry.events()
            except msgspec.MsgspecError as fault:
                quarantine_entry(connection, entry, str(type(fault).__name__))
                recorded += Recorded(quarantined=entry.count)
        if len(group) == 1 and group[0].deliveries > self.deliveries_max:
            return recorded + self._take_apart(connection, group[0], events)
        return recorded + self._store_and_derive(connection, events) if events else recorded

    def _take_apart(
        self, connection: Connection, entry: Entry, events: Sequence[Event]
    ) -> Recorded:
        """One by one, noting each before it is tried: the one noted when a worker died, did it."""
        recorded = Recorded()
        suspect = self.inbox.suspect(entry)
        done = quarantined(connection, [event.receipt for event in events])
        for index, event in enumerate(events):
            if event.receipt in done:
                continue
            if index == suspect:
                quarantine_event(
                    connection,
                    event,
                    QuarantineReason.KILLED_WORKER,
                    f"{entry.deliveries} deliveries",
                )
                recorded += Recorded(quarantined=1)
                continue
            self.inbox.note_suspect(entry, index)
            recorded += self._store_and_derive(connection, [event])
        return recorded

    def _store_and_derive(self, connection: Connection, events: Sequence[Event]) -> Recorded:
        """Facts first, decisions after: what is decided, is decided from committed facts."""
        with self.counts.timed(metrics.RECORD_SECONDS):
            recorded = store_bisecting(connection, events, self.country_of)
        with self.counts.timed(metrics.DERIVE_SECONDS):
            self.counts.decided(derive(connection, events, self.decide))
        return recorded
