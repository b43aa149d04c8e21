"""Holds the groups that a drain has set aside, and says which part of one is due for another try.

A group that met a lock, a time-out or a broken session waits here while its worker goes on with
others. It is tried again as a whole, then in halves, until the events that are at fault wait alone;
each time after a longer delay. Its entries stay in the inbox until all of its events are stored, so
what a worker holds when it dies is delivered again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.events import Event
from shared.inbox import Entry
from workers.facts.record import Recorded

EVENTS_MAX = 20_000  # held by a worker, of some kilobytes each; beyond, it waits as in an outage
DELAY_SECONDS_MIN, DELAY_SECONDS_MAX = 0.25, 8.0
WHOLE_TRIES_MAX = 2  # before a part is halved, unless others were stored meanwhile


@dataclass
class HeldPart:
    """Events that are tried together; `stored_before` counts the successes up to the last try."""

    events: Sequence[Event]
    due_at: float
    stored_before: int
    tries: int = 0


@dataclass
class HeldGroup:
    """A group that is set aside: its entries, what is left of its events, and what was recorded.

    `has_unreadable` tells that entries which cannot be read are still to be quarantined.
    """

    entries: Sequence[Entry]
    parts: list[HeldPart]
    recorded: Recorded = field(default_factory=Recorded)
    has_unreadable: bool = True


class HeldGroups:
    """The groups that a worker has set aside, from job to job."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.groups: list[HeldGroup] = []
        self._stored = 0
        self.unanswered = 0  # statements one after the other that were not answered in time

    def __len__(self) -> int:
        return len(self.groups)

    def has_room(self, group: Sequence[Entry]) -> bool:
        """Tells whether a group may be set aside as well."""
        held = sum(entry.count for entry in self.entries())
        return held + sum(entry.count for entry in group) <= EVENTS_MAX

    def entries(self) -> Iterator[Entry]:
        """Yields the entries of all groups."""
        return (entry for group in self.groups for entry in group.entries)

    def without(self, entries: Sequence[Entry]) -> list[Entry]:
        """Returns those of these entries that are not held already."""
        held = {entry.id for entry in self.entries()}
        return [entry for entry in entries if entry.id not in held]

    def hold(self, entries: Sequence[Entry], events: Sequence[Event]) -> None:
        """Sets a group aside that could not be stored."""
        due_at = self._clock() + DELAY_SECONDS_MIN
        self.groups.append(HeldGroup(entries, [HeldPart(events, due_at, self._stored)]))

    def next_due(self) -> tuple[HeldGroup, HeldPart] | None:
        """Returns the part that has been due longest, and its group."""
        parts = [(part.due_at, group, part) for group in self.groups for part in group.parts]
        if not parts:
            return None
        due_at, group, part = min(parts, key=lambda each: each[0])
        return (group, part) if due_at <= self._clock() else None

    def note_stored(self) -> None:
        """Notes that something was stored, so that PostgreSQL works for others."""
        self._stored += 1
        self.unanswered = 0

    def note_unanswered(self) -> None:
        """Notes that PostgreSQL broke off a statement, or did not answer it in time."""
        self.unanswered += 1

    def finish(self, group: HeldGroup, part: HeldPart, recorded: Recorded) -> bool:
        """Removes a part that was stored, and tells whether it was the last of its group."""
        group.parts.remove(part)
        group.recorded += recorded
        self.note_stored()
        if not group.parts:
            self.groups.remove(group)
        return not group.parts

    def postpone(self, group: HeldGroup, part: HeldPart) -> None:
        """Lets a part that failed wait, in two halves if it is time for that."""
        others_were_stored = self._stored > part.stored_before
        part.tries += 1
        delay_seconds = DELAY_SECONDS_MIN * 2 ** min(part.tries - 1, 10)
        part.due_at = self._clock() + min(delay_seconds, DELAY_SECONDS_MAX)
        part.stored_before = self._stored
        if len(part.events) > 1 and (others_were_stored or part.tries >= WHOLE_TRIES_MAX):
            middle = len(part.events) // 2
            group.parts.remove(part)
            group.parts += [
                HeldPart(half, self._clock(), self._stored)
                for half in (part.events[:middle], part.events[middle:])
            ]

    def drop(self, group: HeldGroup) -> None:
        """Leaves a group to the inbox, which delivers it again."""
        self.groups.remove(group)

    def drop_all(self) -> list[Entry]:
        """Leaves everything to the inbox, and returns the entries."""
        entries = list(self.entries())
        self.groups.clear()
        return entries
