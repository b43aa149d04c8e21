"""Explanations: they agree with the decision, and name what each click lacks."""

from typing import Any

import pytest
from hypothesis import given, settings

from shared.vocabulary import Lost, Rule
from tests.unit.workers.core.build import (
    GOOGLE,
    HOME,
    IPHONE,
    NOON_MS,
    PIXEL,
    click,
    history,
    opened,
)
from tests.unit.workers.core.strategies import RULES, histories
from workers.core.attribution import attribute
from workers.core.devices import Device
from workers.core.explanation import Explanation, Obstacle, explain
from workers.core.history import Click, History, Signal
from workers.core.rules import DAY_MS, HOUR_MS, Rules

REDUCED = Device("", "Android")


@settings(max_examples=2000, deadline=None)
@given(histories)
def test_an_explanation_says_what_the_decision_says(history: History) -> None:
    decided, *_ = attribute(history, RULES)

    explained = explain(history, RULES)

    assert explained is not None
    assert (explained.at_ms, explained.rule, explained.click_id) == (
        decided.moment.time_ms,
        decided.rule,
        decided.click_id,
    )
    lost = {each.click.id: each.lost for each in explained.clicks if each.lost is not None}
    assert len(lost) + bool(decided.click_id) == decided.considered
    assert {beaten.click_id: beaten.lost for beaten in decided.beaten} == lost
    credited = [each.click.id for each in explained.clicks if each.is_credited]
    assert credited == ([decided.click_id] if decided.click_id else [])


@settings(max_examples=500, deadline=None)
@given(histories)
def test_a_click_that_did_not_match_lacks_something_for_every_rule(history: History) -> None:
    explained = explain(history, RULES)

    assert explained is not None
    for each in explained.clicks:
        matched = each.is_credited or each.lost is not None
        assert matched or all(step.obstacle is not None for step in each.steps)
        if each.is_credited:
            assert any(step.obstacle is None for step in each.steps)
    shown = {each.click.id for each in explained.clicks}
    assert shown == {it.id for it in history.clicks if it.app == history.app}


def explained(*facts: Click | Signal, rules: Rules | None = None) -> Explanation:
    found = explain(history(*facts), rules or Rules())
    assert found is not None
    return found


def obstacles(click_told: dict[str, Any], user_told: dict[str, Any], age_ms: int = HOUR_MS) -> Any:
    facts = click("c", NOON_MS - age_ms, **click_told), opened(NOON_MS, **user_told)
    (only,) = explained(*facts).clicks
    return {step.rule: step.obstacle for step in only.steps}


@pytest.mark.parametrize(
    ("clicked", "told", "age_ms", "rule", "obstacle"),
    [
        ({}, {}, HOUR_MS, Rule.CLICK_ID, Obstacle.CLICK_NOT_NAMED),
        ({}, {"click_ids": {"c"}}, 8 * DAY_MS, Rule.CLICK_ID, Obstacle.OUTSIDE_WINDOW),
        ({}, {"click_ids": {"c"}}, -1, Rule.CLICK_ID, Obstacle.LATER),
        ({}, {"device_ids": {"a"}}, HOUR_MS, Rule.DEVICE_ID, Obstacle.CLICK_WITHOUT_DEVICE_ID),
        ({"device_ids": {"a"}}, {}, HOUR_MS, Rule.DEVICE_ID, Obstacle.USER_WITHOUT_DEVICE_ID),
        (
            {"device_ids": {"a"}},
            {"device_ids": {"b"}},
            HOUR_MS,
            Rule.DEVICE_ID,
            Obstacle.OTHER_DEVICE_ID,
        ),
        (
            {"address": "10.0.0.1", "device": IPHONE},
            {"address": HOME, "device": IPHONE},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.CLICK_WITHOUT_PLACE,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": HOME},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.USER_WITHOUT_PLACE,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": "203.0.113.8", "device": IPHONE},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.OTHER_ADDRESS,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": HOME, "device": PIXEL},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.OTHER_PLATFORM,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": HOME, "device": Device("iPhone", "iOS", "17.5")},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.OTHER_VERSION,
        ),
        (
            {"address": HOME, "device": PIXEL},
            {"address": HOME, "device": Device("SM-S911B", "Android", "14")},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.OTHER_MODEL,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": HOME, "device": IPHONE},
            7 * HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            Obstacle.OUTSIDE_WINDOW,
        ),
        (
            {"address": HOME, "device": IPHONE},
            {"address": HOME, "device": IPHONE},
            HOUR_MS,
            Rule.ADDRESS_AND_DEVICE,
            None,
        ),
    ],
)
def test_the_obstacle_of_a_step_is_named(
    clicked: dict[str, Any],
    told: dict[str, Any],
    age_ms: int,
    rule: Rule,
    obstacle: Obstacle | None,
) -> None:
    assert obstacles(clicked, told, age_ms)[rule] is obstacle


def test_a_crowd_behind_the_address_is_named() -> None:
    clicks = [
        click(f"c{number}", NOON_MS - number * HOUR_MS, address=HOME, device=REDUCED)
        for number in range(1, 6)
    ]
    found = explained(*clicks, opened(NOON_MS, address=HOME, device=PIXEL))

    assert found.rule is Rule.ORGANIC
    assert {each.lost for each in found.clicks} == {Lost.CROWDED}
    last = [
        step for each in found.clicks for step in each.steps if step.rule is Rule.ADDRESS_AND_DEVICE
    ]
    assert {step.obstacle for step in last} == {Obstacle.CROWDED}
    assert {step.compared for step in last} == {"platform same, version unknown, model unknown"}


def test_a_click_without_a_source_lost_for_that() -> None:
    found = explained(
        click("lends", NOON_MS - 1, None),
        click("c", NOON_MS, GOOGLE),
        opened(NOON_MS, click_ids={"lends"}),
    )

    assert [(each.click.id, each.lost) for each in found.clicks] == [
        ("c", None),
        ("lends", Lost.NO_SOURCE),
    ]


def test_a_user_without_signals_has_no_explanation() -> None:
    assert explain(History(app="shop"), Rules()) is None
