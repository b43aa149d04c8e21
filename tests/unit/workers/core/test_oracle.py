"""The product's decisions against the oracle's, on thousands of small dense worlds."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import oracle
from tests.support.oracle import Timeline, timeline
from tests.support.scenarios import SCENARIOS
from tests.support.scenarios.scenario import ANN, NOON_MS, Scenario
from tests.support.worlds import World, worlds
from tests.unit.workers.core.build import identity_of
from tests.unit.workers.core.oracle_facts import (
    assert_attributions_agree,
    attribution_of,
    click_of,
    rules_of,
    session_of,
    signal_of,
    wide_identity,
)
from workers.core.attribution import attribute
from workers.core.history import History
from workers.core.rules import Rules
from workers.core.sessions import sessionize


def _history(
    world: World,
    app: str,
    calls: Sequence[oracle.Call],
    elsewhere: Iterable[oracle.Call] = (),
    used_from_ms: Mapping[str, int] = MappingProxyType({}),
) -> History:
    window_ms = world.rules.probabilistic_ms
    return History(
        app=app,
        signals=tuple(map(signal_of, calls)),
        clicks=tuple(map(click_of, world.clicks)),
        known=identity_of(map(signal_of, elsewhere)),
        newcomers=oracle.newcomers_before(calls, world.calls, window_ms) if calls else {},
        wide=wide_identity(app, world.calls, world.clicks, world.rules.users_max),
        used_from_ms=used_from_ms,
    )


def _decided(history: History, rules: Rules) -> list[oracle.Attribution]:
    return [attribution_of(it) for it in attribute(history, rules)]


def _sessions(history: History, rules: Rules) -> list[oracle.Session]:
    return [session_of(it) for it in sessionize(history.signals, rules.session_timeout_ms)]


def _assert_agrees(history: History, rules: Rules, expected: Timeline) -> None:
    decided = _decided(history, rules)
    assert_attributions_agree(decided, expected)
    assert _sessions(history, rules) == list(expected.sessions)


def _assert_world_agrees(world: World) -> None:
    for app, user in world.users:
        used = world.used_from_ms(app, user)
        history = _history(world, app, world.calls_of(app, user), used_from_ms=used)
        _assert_agrees(history, rules_of(world.rules), world.timeline(app, user))


@settings(max_examples=2500, deadline=None)
@given(worlds(click_users=(0, 0, 1)))
def test_every_decision_is_the_oracles(world: World) -> None:
    _assert_world_agrees(world)


@settings(max_examples=500, deadline=None)
@given(worlds(click_users=(1,)))
def test_where_clicks_are_used_up_none_is_credited_twice(world: World) -> None:
    credits_ = [
        (app, it.click_id)
        for app, user in world.users
        for it in _decided(
            _history(
                world,
                app,
                world.calls_of(app, user),
                used_from_ms=world.used_from_ms(app, user),
            ),
            rules_of(world.rules),
        )
        if it.click_id is not None
    ]
    assert len(credits_) == len(set(credits_))


@settings(max_examples=500, deadline=None)
@given(worlds(), st.integers(1, 8))
def test_a_call_of_which_only_the_ids_are_known_counts_by_its_ids(
    world: World, given_whole: int
) -> None:
    for app, user in world.users:
        calls = world.calls_of(app, user)
        whole, elsewhere = calls[:given_whole], calls[given_whole:]
        expected = timeline(whole, world.clicks, world.rules, elsewhere, world.calls)
        history = _history(world, app, whole, elsewhere)
        _assert_agrees(history, rules_of(world.rules), expected)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=attrgetter("name"))
def test_a_scenario_is_decided_as_the_oracle_does(scenario: Scenario) -> None:
    _assert_world_agrees(scenario.world)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=attrgetter("name"))
def test_the_oracle_answers_a_scenario_as_was_worked_out_by_hand(scenario: Scenario) -> None:
    world = scenario.world
    credited = {
        user: [(it.rule, it.click_id) for it in world.timeline(*user).attributions]
        for user in world.users
    }
    assert credited == scenario.credits
    if scenario.sessions is not None:
        assert list(map(_in_minutes, world.timeline(*ANN).sessions)) == scenario.sessions


def _in_minutes(session: oracle.Session) -> tuple[int, int, int, int]:
    first, last = session.start_ms - NOON_MS, session.last_activity_ms - NOON_MS
    return first // oracle.MINUTE_MS, last // oracle.MINUTE_MS, session.opens, session.events
