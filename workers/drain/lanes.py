"""Lanes: groups of entries that are stored side by side, each with a connection of its own.

While PostgreSQL works for one, Python works for the other: one worker then stores a third more
(measured in turns, 6,000 and 7,900 events/s of new users).
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import takewhile

from shared.inbox import Entry
from workers.drain.group_store import GroupStore
from workers.facts.record import Recorded

Group = Sequence[Entry]


class Lanes:
    """`threads` has one for each of `stores`."""

    def __init__(self, stores: Sequence[GroupStore], threads: ThreadPoolExecutor) -> None:
        self._stores = stores
        self._threads = threads

    def side_by_side(self, groups: Sequence[Group]) -> Sequence[Group]:
        """The first of these that may go together, by the lanes that have a connection: PostgreSQL
        may have none left, and one lane must not wait for another.

        One that was delivered before may be what killed its worker, and goes alone: no other shall
        be suspected for it.
        """
        first = list(takewhile(lambda group: group[0].deliveries == 1, groups))
        beside = takewhile(
            lambda pair: pair[0].is_open(), zip(self._stores[1:], first[1:], strict=False)
        )
        return groups[: 1 + len(list(beside))]

    def store(self, groups: Sequence[Group]) -> list[Future[Recorded | None]]:
        """As many as there are lanes at most; all have ended."""
        pairs = zip(self._stores, groups, strict=False)
        futures = [self._threads.submit(lane.store, group) for lane, group in pairs]
        wait(futures)
        return futures

    def reachable(self) -> bool:
        return self._stores[0].reachable()
