"""Decisions as they stand in the tables, after a drain, against the oracle's.

Whatever the order of arrival, the borders of batches, the repeats, and the number of workers.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest
from operator import attrgetter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.database import Connection
from shared.events import Event, Kind
from shared.inbox import measure
from tests.integration.workers.conftest import Bench
from tests.integration.workers.deliveries import Batch, Stage, as_events, shuffled, stage
from tests.support.oracle import Attribution, Session
from tests.support.scenarios import SCENARIOS
from tests.support.scenarios.scenario import MINE, SEEN, clicked, opened, world
from tests.support.worlds import World, worlds
from workers.decisions.decide_due import decide_due
from workers.drain.drain import Drain, DrainLimits, DrainRequests
from workers.patient_database import Database

WORKERS_MAX = 4

Histories = Sequence[list[Event]]
Arrival = Callable[[Histories, Random], list[list[Batch]]]

_MS = "(extract(epoch FROM {}) * 1000)::bigint"
_USERS = f"""
    SELECT id, user_id, device_ids, click_ids, {_MS.format("first_time")}
    FROM users WHERE app_id = %s AND environment = %s
"""
_ATTRIBUTIONS = f"""
    SELECT {_MS.format("event_time")}, receipt, rule, click_id, origin_kind, origin,
           is_reattribution, through
    FROM attributions WHERE user_ref = %s AND superseded_at IS NULL ORDER BY event_time, receipt
"""
_SESSIONS = f"""
    SELECT {_MS.format("start_time")}, start_receipt, {_MS.format("last_activity")}, opens, events
    FROM sessions WHERE user_ref = %s ORDER BY start_time, start_receipt
"""
_DAYS = """
    SELECT day FROM activity WHERE user_ref = %s AND app_id = %s AND environment = %s ORDER BY day
"""


@dataclass(frozen=True)
class Found:
    """What stands about a user; `first_ms`: when their first signal was."""

    device_ids: frozenset[str]
    click_ids: frozenset[str]
    first_ms: int
    attributions: list[Attribution]
    sessions: list[Session]
    days: list[date]


@dataclass(frozen=True)
class Workers:
    """Up to four, each with connections of its own."""

    bench: Bench
    lanes: Sequence[Sequence[Database]]
    threads: ThreadPoolExecutor

    def run(self, workers: int, drain_events_max: int = 2000) -> None:
        """Until the inbox is empty."""
        limits = DrainLimits(drain_events_max, 30, 3, linger_ms=5)
        requests = DrainRequests(_nobody, _nobody)
        drains = [
            Drain(
                self.bench.inbox(f"worker {number}"),
                lanes,
                limits,
                requests,
                _never,
            )
            for number, lanes in enumerate(self.lanes[:workers])
        ]
        for drained in [self.threads.submit(drain.run) for drain in drains]:
            drained.result()
        assert measure(self.bench.redis).events == 0
        assert self.bench.receipts("quarantine") == []


@pytest.fixture
def workers(bench: Bench, database_url: str) -> Iterator[Workers]:
    lanes = [(Database(database_url), Database(database_url)) for _ in range(WORKERS_MAX)]
    with ThreadPoolExecutor(WORKERS_MAX) as threads:
        yield Workers(bench, lanes, threads)
    for database in (database for pair in lanes for database in pair):
        database.close()


def _nobody() -> None:
    """Is asked for another drain: the workers of a test are all there are."""


def _never() -> bool:
    return False


def _deliver(workers: Workers, waves: Sequence[Sequence[Batch]], random: Random) -> None:
    for wave in waves:
        workers.bench.send(*wave)
        workers.run(random.choice((1, 1, 2, WORKERS_MAX)), random.choice((1, 3, 2000)))


def _found(connection: Connection, staged: Stage) -> dict[tuple[str, str], Found]:
    """What the tables say of everybody."""
    return {
        (app, user): Found(
            frozenset(device_ids),
            frozenset(click_ids),
            first_ms,
            [_attribution(row, staged) for row in connection.execute(_ATTRIBUTIONS, (user_ref,))],
            [_session(row, staged) for row in connection.execute(_SESSIONS, (user_ref,))],
            [day for (day,) in connection.execute(_DAYS, (user_ref, *place))],
        )
        for app, place in staged.places.items()
        for user_ref, user, device_ids, click_ids, first_ms in connection.execute(_USERS, place)
    }


def _attribution(row: Sequence[Any], staged: Stage) -> Attribution:
    time_ms, receipt, rule, click_id, origin_kind, origin, is_reattribution, through = row
    return Attribution(
        time_ms,
        staged.unmarked(receipt),
        rule,
        click_id,
        None if origin is None else (origin_kind, origin),
        is_reattribution,
        frozenset({through} if through else ()),
    )


def _session(row: Sequence[Any], staged: Stage) -> Session:
    start_ms, receipt, last_activity_ms, opens, events = row
    return Session(start_ms, staged.unmarked(receipt), last_activity_ms, opens, events)


def _expected(world: World, user: tuple[str, str], found: Found) -> Found:
    """As the oracle has it; of several clicks that may have lent the evidence, any one will do."""
    timeline = world.timeline(*user)
    first = min(world.calls_of(*user), key=attrgetter("time_ms", "receipt"))
    named = {it.receipt: it.through for it in found.attributions}
    return Found(
        timeline.device_ids,
        timeline.click_ids,
        first.time_ms,
        [_through(named.get(it.receipt), it) for it in timeline.attributions],
        list(timeline.sessions),
        list(timeline.active_days),
    )


def _through(lender: frozenset[str] | None, expected: Attribution) -> Attribution:
    if lender and lender <= expected.through:
        return replace(expected, through=lender)
    return expected


def assert_tables_are_the_oracles(connection: Connection, world: World, staged: Stage) -> None:
    decide_due(connection, 30)
    found = _found(connection, staged)
    assert sorted(found) == world.users
    for user in world.users:
        assert found[user] == _expected(world, user, found[user])


def test_the_tables_are_the_oracles_in_any_order_from_any_worker(workers: Workers) -> None:
    connection = workers.bench.connection

    @settings(max_examples=20, deadline=None)
    @given(st.lists(worlds(click_users=(0, 1)), min_size=1, max_size=4), st.integers(0, 2**32))
    def agree(together: list[World], seed: int) -> None:
        random = Random(seed)
        stages = [stage(connection, each) for each in together]
        _deliver(workers, shuffled(_events_of(together, stages), random), random)
        for each, staged in zip(together, stages, strict=True):
            assert_tables_are_the_oracles(connection, each, staged)

    agree()


def _events_of(worlds: Sequence[World], stages: Sequence[Stage]) -> list[Event]:
    return [event for each in zip(worlds, stages, strict=True) for event in as_events(*each)]


def _one_by_one(histories: Histories, _random: Random) -> list[list[Batch]]:
    """Every world's first fact, then every world's second."""
    columns = zip_longest(*histories)
    return [[[event for event in column if event]] for column in columns]


def _backwards(histories: Histories, random: Random) -> list[list[Batch]]:
    return _one_by_one([history[::-1] for history in histories], random)


def _at_once(histories: Histories, _random: Random) -> list[list[Batch]]:
    return [[[event for history in histories for event in history]]]


def _in_any_order(histories: Histories, random: Random) -> list[list[Batch]]:
    return shuffled([event for history in histories for event in history], random)


@pytest.mark.parametrize("arrival", [_one_by_one, _backwards, _at_once, _in_any_order])
def test_every_scenario_stands_in_the_tables_as_the_oracle_has_it(
    workers: Workers, arrival: Arrival
) -> None:
    connection, random = workers.bench.connection, Random(20260102)
    stages = [stage(connection, scenario.world) for scenario in SCENARIOS]
    histories = [
        as_events(scenario.world, staged)
        for scenario, staged in zip(SCENARIOS, stages, strict=True)
    ]

    _deliver(workers, arrival(histories, random), random)

    for scenario, staged in zip(SCENARIOS, stages, strict=True):
        assert_tables_are_the_oracles(connection, scenario.world, staged)


@pytest.mark.parametrize("windows", [{}, {"view_device_ms": 0, "view_address_ms": 0}])
def test_an_impression_is_credited_where_no_click_counts_and_only_if_the_app_wants_it(
    workers: Workers, windows: dict[str, int]
) -> None:
    seen = clicked("c1", -1, is_view=True, **MINE, **SEEN)
    shown = world(opened(0, click_id="c1", **MINE, **SEEN), seen, **windows)
    staged = stage(workers.bench.connection, shown)
    call, view = as_events(shown, staged)

    _deliver(workers, [[[call], [view]]], Random(1))

    assert view.kind is Kind.IMPRESSION
    assert_tables_are_the_oracles(workers.bench.connection, shown, staged)
    rules = "SELECT rule FROM attributions WHERE superseded_at IS NULL"
    wanted = "organic" if windows else "view_device_id"
    assert workers.bench.connection.execute(rules).fetchall() == [(wanted,)]
