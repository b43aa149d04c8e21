"""Stores groups of entries side by side, each in a lane with a connection of its own.

While PostgreSQL works for one lane, Python works for the other: a worker then stores a third more
(measured in turns, 6,000 and 7,900 events/s of new users).
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import takewhile

from shared.inbox import Entry
from workers.drain.group_store import GroupStore
from workers.drain.held_groups import HeldGroup, HeldPart
from workers.facts.record import Recorded

Group = Sequence[Entry]


class Lanes:
    """The lanes of a drain; `threads` has one thread for each of `stores`."""

    def __init__(self, stores: Sequence[GroupStore], threads: ThreadPoolExecutor) -> None:
        self._stores = stores
        self._threads = threads

    def side_by_side(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Returns the first groups that may be stored together: one for each usable lane.

        A lane is usable if it has a connection: PostgreSQL may have none left, and one lane must
        not wait for another. A group that was delivered before may have killed its worker, and is
        stored alone, so that no other group is suspected.
        """
        first_deliveries = list(takewhile(lambda group: group[0].deliveries == 1, groups))
        others = zip(self._stores[1:], first_deliveries[1:], strict=False)
        return groups[: 1 + len(list(takewhile(lambda pair: pair[0].is_open(), others)))]

    def store(self, groups: Sequence[Group]) -> list[Future[Recorded | None]]:
        """Stores groups, at most as many as there are lanes, and waits until all have ended."""
        pairs = zip(self._stores, groups, strict=False)
        futures = [self._threads.submit(lane.store, group) for lane, group in pairs]
        wait(futures)
        return futures

    def retry(self, group: HeldGroup, part: HeldPart) -> bool:
        """Tries a part of a group that is set aside; see `GroupStore.retry`."""
        return self._stores[0].retry(group, part)

    def wait_for_database(self) -> bool:
        """Waits until PostgreSQL is reachable; see `GroupStore.wait_for_database`."""
        return self._stores[0].wait_for_database()
