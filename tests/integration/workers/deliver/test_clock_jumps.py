"""A worker whose clock jumps loses nothing, sends nothing twice and waits as long as it should.

What is due, and until when a claim holds, is decided by PostgreSQL's clock alone.
"""

import itertools
import time
from collections.abc import Callable

import pytest

from shared.clock import now_ms
from tests.integration.workers.deliver.conftest import Office
from workers.deliver.retry_schedule import DELAYS_SECONDS

DAY = 86_400.0
JUMPS = (-400 * DAY, -DAY, -60.0, 60.0, DAY, 400 * DAY)


def jumping(clock: Callable[[], float], jump: float) -> Callable[[], float]:
    """Returns a clock that jumps there and back at every look."""
    turns = itertools.cycle((0.0, jump))
    return lambda: clock() + next(turns)


def wait_seconds(office: Office) -> list[float]:
    """Returns for how long callbacks wait, by PostgreSQL's clock."""
    rows = office.connection.execute(
        "SELECT extract(epoch FROM due_at - now())::float8 FROM callbacks WHERE state = 'waiting'"
    )
    return [seconds for (seconds,) in rows]


@pytest.mark.parametrize("jump", JUMPS)
def test_each_callback_arrives_once_and_a_failed_one_waits_its_time(
    office: Office, jump: float
) -> None:
    told = office.due(office.endpoint("200"), 30)
    failing = office.due(office.endpoint("500"), 3)
    clock = jumping(time.time, jump)
    office.clock = lambda: round(clock() * 1_000)

    office.deliver()
    office.deliver("another worker")  # nothing is due by now

    states = office.states()
    assert {states[each][:2] for each in told} == {("delivered", 1)}
    assert {states[each][:2] for each in failing} == {("waiting", 1)}
    assert office.receiver.ids == dict.fromkeys([*map(str, told), *map(str, failing)], 1)
    waits = wait_seconds(office)
    assert all(-5 < wait - DELAYS_SECONDS[0] <= 0 for wait in waits), waits


@pytest.mark.parametrize("jump", JUMPS)
def test_a_date_to_come_back_at_is_waited_for_a_day_at_most(office: Office, jump: float) -> None:
    office.due(office.endpoint("absurd"))
    office.clock = lambda: now_ms() + round(jump * 1_000)

    office.deliver()

    assert all(wait <= DAY for wait in wait_seconds(office))


@pytest.mark.parametrize("jump", [5.0, 3_600.0, DAY])
def test_a_machine_that_slept_takes_up_where_it_was(office: Office, jump: float) -> None:
    """As its monotonic clock may have gone on meanwhile."""
    told = office.due(office.endpoint("200"), 300)
    began = time.monotonic()
    office.monotonic = lambda: time.monotonic() + jump * round((time.monotonic() - began) * 20)

    ends_at = began + 20

    def is_over() -> bool:
        return time.monotonic() > ends_at or not any(
            state == "waiting" for state, *_ in office.states().values()
        )

    while not is_over():
        office.deliver(is_over=is_over)

    assert {state for state, *_ in office.states().values()} == {"delivered"}
    assert office.receiver.ids == dict.fromkeys(map(str, told), 1)
