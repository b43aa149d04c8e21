"""The product's decisions against the oracle's, on thousands of small dense worlds."""

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.oracle import Timeline, timeline
from tests.scenarios import SCENARIOS
from tests.scenarios.scenario import ANN, NOON_MS, Scenario
from tests.worlds import World, worlds
from workers.core.attribution import attribute
from workers.core.devices import Device
from workers.core.history import (
    Click,
    History,
    Origin,
    OriginKind,
    Signal,
    SignalKind,
    identity_of,
)
from workers.core.rules import Rules
from workers.core.sessions import sessionize


def _rules(rules: oracle.Rules) -> Rules:
    return Rules(
        click_deterministic_ms=rules.deterministic_ms,
        click_probabilistic_ms=rules.probabilistic_ms,
        reattribution_window_ms=rules.reattribution_ms,
        inactivity_ms=rules.inactivity_ms,
        session_timeout_ms=rules.timeout_ms,
    )


def _device(device: oracle.Device | None) -> Device | None:
    return Device(*device) if device else None


def _signal(call: oracle.Call) -> Signal:
    return Signal(
        receipt=call.receipt,
        time_ms=call.time_ms,
        kind=SignalKind.OPEN if call.is_open else SignalKind.EVENT,
        device_ids=frozenset(call.device_ids),
        click_ids=frozenset(filter(None, (call.user, call.click_id))),
        address=call.address,
        device=_device(call.device),
    )


def _click(click: oracle.Click) -> Click:
    return Click(
        id=click.id,
        time_ms=click.time_ms,
        app=click.app,
        origin=Origin(OriginKind(click.origin[0]), click.origin[1]) if click.origin else None,
        device_ids=frozenset(click.device_ids),
        address=click.address,
        device=_device(click.device),
    )


def _history(
    world: World, app: str, calls: Iterable[oracle.Call], elsewhere: Iterable[oracle.Call] = ()
) -> History:
    return History(
        app=app,
        signals=tuple(map(_signal, calls)),
        clicks=tuple(map(_click, world.clicks)),
        known=identity_of(map(_signal, elsewhere)),
    )


def _decided(history: History, rules: Rules) -> list[oracle.Attribution]:
    return [
        oracle.Attribution(
            it.moment.time_ms,
            it.moment.receipt,
            str(it.rule),
            it.click_id,
            (str(it.origin.kind), it.origin.name) if it.origin else None,
            it.is_reattribution,
            frozenset({it.through} if it.through else ()),
        )
        for it in attribute(history, rules)
    ]


def _sessions(history: History, rules: Rules) -> list[oracle.Session]:
    return [
        oracle.Session(it.start.time_ms, it.start.receipt, it.last_activity_ms, it.opens, it.events)
        for it in sessionize(history.signals, rules.session_timeout_ms)
    ]


def _assert_agrees(history: History, rules: Rules, expected: Timeline) -> None:
    decided = _decided(history, rules)
    nameless = [replace(it, through=frozenset()) for it in decided]
    assert nameless == [replace(it, through=frozenset()) for it in expected.attributions]
    for ours, theirs in zip(decided, expected.attributions, strict=True):
        assert ours.through <= theirs.through, "credited through a click that lent nothing"
        assert bool(ours.through) == bool(theirs.through), "silent about who lent the evidence"
    assert _sessions(history, rules) == list(expected.sessions)


def _assert_world_agrees(world: World) -> None:
    for app, user in world.users:
        history = _history(world, app, world.calls_of(app, user))
        _assert_agrees(history, _rules(world.rules), world.timeline(app, user))


@settings(max_examples=2500, deadline=None)
@given(worlds())
def test_every_decision_is_the_oracles(world: World) -> None:
    _assert_world_agrees(world)


@settings(max_examples=500, deadline=None)
@given(worlds(), st.integers(1, 8))
def test_a_call_of_which_only_the_ids_are_known_counts_by_its_ids(
    world: World, given_whole: int
) -> None:
    for app, user in world.users:
        calls = world.calls_of(app, user)
        whole, elsewhere = calls[:given_whole], calls[given_whole:]
        expected = timeline(whole, world.clicks, world.rules, elsewhere)
        history = _history(world, app, whole, elsewhere)
        _assert_agrees(history, _rules(world.rules), expected)


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
