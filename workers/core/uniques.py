"""Settles which of a user's unique events counts: the earliest of its type by event time.

What counts can only move to an earlier event. So it is enough to know which one counts now: those
that it beats never count again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

UniqueKey = tuple[int, str, int, str]  # app, environment, event type, user


class Occurrence(NamedTuple):
    """An event's time, Unix milliseconds, and its receipt; compared in this order."""

    time_ms: int
    receipt: UUID


class Settled(NamedTuple):
    """The result of settling unique events.

    `counting` holds what counts now for each user, where that has changed; `beaten` those that no
    longer count.
    """

    counting: dict[UniqueKey, Occurrence]
    beaten: list[tuple[UniqueKey, Occurrence]]


def settle(
    current: Mapping[UniqueKey, Occurrence], sent: Iterable[tuple[UniqueKey, Occurrence]]
) -> Settled:
    """Settles what counts; `current` counts so far, and `sent` may hold occurrences seen before."""
    candidates: dict[UniqueKey, set[Occurrence]] = defaultdict(set)
    for key, occurrence in sent:
        candidates[key].add(occurrence)
    counting: dict[UniqueKey, Occurrence] = {}
    beaten: list[tuple[UniqueKey, Occurrence]] = []
    for key, occurrences in candidates.items():
        if key in current:
            occurrences.add(current[key])
        first, *others = sorted(occurrences)
        beaten += [(key, other) for other in others]
        if current.get(key) != first:
            counting[key] = first
    return Settled(counting, beaten)
