"""Decisions in the tables through every state between two commits, against the oracle's."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.inbox import measure
from tests.integration.fresh import fresh
from tests.integration.statements import Counted
from tests.integration.workers.conftest import Bench
from tests.integration.workers.deliveries import as_events, stage
from tests.integration.workers.test_derivation import assert_tables_are_the_oracles
from tests.support.between_commits import Does, Step, steps
from tests.support.worlds import World, worlds
from workers.decisions.derive import derive, rederive
from workers.facts.record import Recorded, record

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_IN_FORCE = """
SELECT user_id, rule, attributions.event_time = users.first_time
FROM attributions JOIN users ON users.id = user_ref
WHERE superseded_at IS NULL ORDER BY user_id
"""


def take_step(connection: Connection, step: Step[Event]) -> None:
    if step.does is Does.RECORD:
        record(connection, step.facts)
    elif step.does is Does.DERIVE:
        derive(connection, step.facts)
    else:
        rederive(connection, [user for (user,) in connection.execute("SELECT id FROM users")])


def test_whatever_was_committed_in_between_the_tables_are_the_oracles(bench: Bench) -> None:
    connection = bench.connection

    @settings(max_examples=25, deadline=None)
    @given(st.lists(worlds(), min_size=1, max_size=3), st.data())
    def agree(together: list[World], data: st.DataObject) -> None:
        stages = [stage(connection, each) for each in together]
        pairs = list(zip(together, stages, strict=True))
        events = [event for each in pairs for event in as_events(*each)]
        for step in data.draw(steps(data.draw(st.permutations(events)))):
            take_step(connection, step)
        for each in pairs:
            assert_tables_are_the_oracles(connection, *each)
        assert connection.execute("SELECT * FROM set_aside_users").fetchall() == []

    agree()


def _device(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-00000000abcd"


def _opens(users: Sequence[int], at_ms: int) -> list[Event]:
    return [
        fresh(
            user_id=f"user-{n}",
            event_id="__open",
            kind=Kind.OPEN,
            event_time_ms=at_ms,
            device_ids={"gps_adid": _device(n)},
        )
        for n in users
    ]


def _click(device: int, at_ms: int) -> Event:
    receipt = new_receipt(at_ms)
    return fresh(
        kind=Kind.CLICK,
        receipt=receipt,
        click_id=click_id_of(receipt),
        event_time_ms=at_ms,
        user_id="",
        event_id="",
        link_id=1,
        device_ids={"gaid": _device(device)},
    )


# What one lane derives first while the other has committed the opens of three users and no more:
# facts an hour after the opens, or before them.
OVERTAKING: dict[str, tuple[int, str]] = {
    "clicks an hour later": (HOUR_MS, "organic"),
    "clicks a day later": (DAY_MS, "organic"),
    "clicks an hour before": (-HOUR_MS, "device_id"),
    "clicks of the same moment": (0, "device_id"),
}


@pytest.mark.parametrize("case", OVERTAKING)
def test_users_whose_facts_are_committed_are_decided_by_what_overtakes_them(
    bench: Bench, case: str
) -> None:
    after_ms, rule = OVERTAKING[case]
    at_ms = now_ms() - 3 * DAY_MS
    opens = _opens(range(3), at_ms)
    record(bench.connection, opens)
    bench.send([_click(n, at_ms + after_ms) for n in range(3)])

    recorded = bench.drain()

    expected = [(f"user-{n}", rule, True) for n in range(3)]
    assert recorded == Recorded(events=3)
    assert measure(bench.redis).events == 0
    assert bench.connection.execute(_IN_FORCE).fetchall() == expected
    derive(bench.connection, opens)
    assert bench.connection.execute(_IN_FORCE).fetchall() == expected
    assert bench.receipts("quarantine") == []


def test_a_second_open_that_is_derived_first_does_not_become_the_first(bench: Bench) -> None:
    at_ms = now_ms() - 3 * DAY_MS
    record(bench.connection, _opens(range(3), at_ms))
    bench.send(_opens(range(3), at_ms + DAY_MS))

    bench.drain()

    rows = bench.connection.execute(_IN_FORCE).fetchall()
    assert rows == [(f"user-{n}", "organic", True) for n in range(3)]
    sessions = "SELECT count(*) FROM sessions"
    assert bench.connection.execute(sessions).fetchone() == (6,)


def test_new_users_are_loaded_once_as_known_ones_are_and_undecided_ones_twice(
    connection: Connection, database_url: str
) -> None:
    at_ms = now_ms() - 3 * DAY_MS
    _store(connection, _opens(range(10), at_ms))
    record(connection, _opens(range(10, 20), at_ms))

    statements = {
        case: _statements(database_url, _opens(users, at_ms + DAY_MS))
        for case, users in (
            ("decided before", range(10)),
            ("committed before, not decided", range(10, 20)),
            ("new", range(20, 30)),
        )
    }

    once = statements["decided before"]
    assert statements == {
        "decided before": once,
        # Their ids are counted, impressions are looked up, an attribution is written, and the users
        # of an earlier transaction are loaded again.
        "committed before, not decided": once + 1 + 1 + 1 + 4,
        "new": once + 1 + 1 + 1,
    }


def _store(connection: Connection, events: Sequence[Event]) -> None:
    record(connection, events)
    derive(connection, events)


def _statements(database_url: str, events: Sequence[Event]) -> int:
    with Counted.connect(database_url, autocommit=True) as counting:
        connection: Any = counting
        record(connection, events)
        before = counting.statements
        derive(connection, events)
        return counting.statements - before
