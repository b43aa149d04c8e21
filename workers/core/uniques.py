"""Settles which of a user's unique events counts: the earliest of its type by event time.

Of those of one millisecond, their content decides, so that the order of arrival does not: one with
an amount comes first. What counts can only move to an earlier event. So it is enough to know which
one counts now: those that it beats never count again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

UniqueKey = tuple[int, str, int, str]  # app, environment, event type, user


class Occurrence(NamedTuple):
    """An event's time, Unix milliseconds, and its receipt."""

    time_ms: int
    receipt: UUID


class Settled(NamedTuple):
    """The result of settling unique events.

    `counting` holds what counts now for each user, where that has changed; `beaten` those that no
    longer count.
    """

    counting: dict[UniqueKey, Occurrence]
    beaten: list[tuple[UniqueKey, Occurrence]]


def ties(
    current: Mapping[UniqueKey, Occurrence], sent: Iterable[tuple[UniqueKey, Occurrence]]
) -> list[UUID]:
    """Returns the receipts between which only the content decides."""
    occurrences: dict[tuple[UniqueKey, int], set[UUID]] = defaultdict(set)
    for key, occurrence in [*current.items(), *sent]:
        occurrences[key, occurrence.time_ms].add(occurrence.receipt)
    return sorted({one for same in occurrences.values() if len(same) > 1 for one in same})


def settle(
    current: Mapping[UniqueKey, Occurrence],
    sent: Iterable[tuple[UniqueKey, Occurrence]],
    contents: Mapping[UUID, str] = MappingProxyType({}),
) -> Settled:
    """Settles what counts; `current` counts so far, and `sent` may hold occurrences seen before.

    `contents` are those of `ties`, in the order in which they come.
    """
    candidates: dict[UniqueKey, set[Occurrence]] = defaultdict(set)
    for key, occurrence in sent:
        candidates[key].add(occurrence)
    counting: dict[UniqueKey, Occurrence] = {}
    beaten: list[tuple[UniqueKey, Occurrence]] = []
    for key, occurrences in candidates.items():
        if key in current:
            occurrences.add(current[key])
        first, *others = sorted(
            occurrences, key=lambda it: (it.time_ms, contents.get(it.receipt, ""), it.receipt)
        )
        beaten += [(key, other) for other in others]
        if current.get(key) != first:
            counting[key] = first
    return Settled(counting, beaten)
