"""Unique events: of those that a user reports of one type, the earliest by event time counts.

What counts can only move to an earlier event. So it is enough to know which one counts now: those
that it beats never come back.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

UniqueKey = tuple[int, str, int, str]  # app, environment, event type, user


class Occurrence(NamedTuple):
    """When an event happened, Unix milliseconds, and its receipt; compared in this order."""

    time_ms: int
    receipt: UUID


class Settled(NamedTuple):
    """`counting`: what counts now for each user, where that has changed. `beaten` no longer do."""

    counting: dict[UniqueKey, Occurrence]
    beaten: list[tuple[UniqueKey, Occurrence]]


def settle(
    standing: Mapping[UniqueKey, Occurrence], sent: Iterable[tuple[UniqueKey, Occurrence]]
) -> Settled:
    """`standing` is what counts so far; what was sent before may be among `sent` again."""
    candidates: dict[UniqueKey, set[Occurrence]] = defaultdict(set)
    for key, occurrence in sent:
        candidates[key].add(occurrence)
    counting: dict[UniqueKey, Occurrence] = {}
    beaten: list[tuple[UniqueKey, Occurrence]] = []
    for key, among in candidates.items():
        if key in standing:
            among.add(standing[key])
        first, *others = sorted(among)
        beaten += [(key, other) for other in others]
        if standing.get(key) != first:
            counting[key] = first
    return Settled(counting, beaten)
