"""Two workers at once: whatever one does between two statements of the other, neither misses it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from shared.database import Connection, connect
from shared.events import Event
from tests.integration.workers.conftest import Bench
from tests.integration.workers.deliveries import as_events, stage
from tests.integration.workers.test_derivation import assert_tables_are_the_oracles
from tests.support.oracle import MINUTE_MS
from tests.support.scenarios.scenario import MINE, SEEN, WEEK_MS, bought, clicked, opened, world
from tests.support.worlds import WINTER, World
from workers.decisions.derive import derive
from workers.facts.record import record

WAIT_SECONDS_MAX = 20

_WAITS_FOR_A_LOCK = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = %s"

# The last two facts of each are handled at the same moment.
RACES = {
    "a named click": world(clicked("c1", -1), opened(0, click_id="c1")),
    "a click with the device id": world(clicked("c1", -1, **MINE), opened(0, **MINE)),
    "a click from the address": world(clicked("c1", -1, **SEEN), opened(0, **SEEN)),
    "a click from the address of a late first open": world(
        opened(MINUTE_MS), clicked("c1", -1, **SEEN), opened(0, **SEEN)
    ),
    "a click and its lender": world(
        opened(0, click_id="c2"), clicked("c2", -1, None, **SEEN), clicked("c1", -2, **SEEN)
    ),
    "a click and who names its lender": world(
        clicked("c2", -1, None, **MINE), clicked("c1", -2, **MINE), opened(0, click_id="c2")
    ),
    "an id that is told late": world(
        opened(0), clicked("c1", -1, **MINE), bought(MINUTE_MS, **MINE)
    ),
    "a click to return by": world(
        clicked("c1", -1, **MINE),
        opened(0, **MINE),
        clicked("c2", WEEK_MS - 1, WINTER, **MINE),
        opened(WEEK_MS),
    ),
    "two events that join sessions": world(
        opened(0), opened(60 * MINUTE_MS), bought(20 * MINUTE_MS), bought(40 * MINUTE_MS)
    ),
    "two users of one device": world(
        clicked("c1", -1, **MINE), opened(0, **MINE), opened(0, user="ben", **MINE)
    ),
}


class _Interrupted(psycopg.Connection[tuple[Any, ...]]):
    """Lets somebody else go first, before its statement number `left`."""

    left = 0
    other: Callable[[], None]

    def execute(self, *args: Any, **kwargs: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        if self.left == 0:
            self.other()
        self.left -= 1
        return super().execute(*args, **kwargs)


def _store(connection: Connection, events: Sequence[Event]) -> None:
    record(connection, events)
    derive(connection, events)


def _until_done_or_waiting(running: Future[None], pid: int, observer: Connection) -> None:
    ends_at = time.monotonic() + WAIT_SECONDS_MAX
    while not running.done():
        row = observer.execute(_WAITS_FOR_A_LOCK, (pid, "Lock")).fetchone()
        if row == (1,):
            return
        assert time.monotonic() < ends_at, "it neither ended nor waits for a lock"
        time.sleep(0.002)


def _race(bench: Bench, url: str, world: World, order: str, statement: int) -> bool:
    """Whether there was such a statement."""
    staged = stage(bench.connection, world)
    *earlier, one, other = as_events(world, staged)
    if order == "backwards":
        one, other = other, one
    if order == "undecided":
        record(bench.connection, earlier)
    else:
        _store(bench.connection, earlier)
    with (
        _Interrupted.connect(url, autocommit=True) as mine,
        connect(url, "tests") as theirs,
        ThreadPoolExecutor(1) as thread,
    ):
        started: list[Future[None]] = []

        def interrupt() -> None:
            started.append(thread.submit(_store, theirs, [other]))
            _until_done_or_waiting(started[0], theirs.info.backend_pid, bench.connection)

        mine.left, mine.other = statement, interrupt
        _store(mine, [one])
        for running in started:
            running.result()
    if order == "undecided":
        derive(bench.connection, earlier)
    if started:
        assert_tables_are_the_oracles(bench.connection, world, staged)
    return bool(started)


@pytest.mark.parametrize("order", ["forwards", "backwards", "undecided"])
@pytest.mark.parametrize("race", RACES)
def test_facts_of_one_moment_do_not_miss_one_another(
    bench: Bench, database_url: str, race: str, order: str
) -> None:
    """Undecided: the earlier facts are committed, and their worker decides last."""
    statement = 0
    while _race(bench, database_url, RACES[race], order, statement):
        statement += 1

    assert statement > 1
