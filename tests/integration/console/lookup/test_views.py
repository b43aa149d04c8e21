"""Users who saw an advertisement and did not click it, from the wire's lines to the tables."""

from typing import Any

import pytest

from console.apps.apps import App
from console.apps.links import find_link, list_links, set_view_through
from console.apps.rules import change_rules
from console.lookup.why import explain_question, read_question
from console.resources import Resources
from tests.integration.console.conftest import Ask
from tests.integration.console.lookup.test_user_timeline import (
    MINUTE_MS,
    PHONE,
    links,
    start_ms,
    take_in,
    timeline,
)
from tests.integration.console.lookup.test_why import CLICK, opened
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN

__all__ = ["links", "start_ms"]
HOUR_MS = 60 * MINUTE_MS
SEEN = {**CLICK, "type": "impression"}
pytestmark = pytest.mark.usefixtures("links")


def decided(bench: Bench, app: App, user_id: str = "u") -> tuple[str, str | None, str | None]:
    decisions = timeline(bench.connection, app, user_id).attributions
    (in_force,) = [each for each in decisions if each.superseded_at is None]
    return in_force.rule, in_force.click_id, in_force.origin


@pytest.mark.parametrize(
    ("seen", "age_ms", "rule"),
    [
        (PHONE, 23 * HOUR_MS, "view_device_id"),
        (PHONE, 25 * HOUR_MS, "organic"),
        ({}, 5 * HOUR_MS, "view_address_and_device"),
        ({}, 7 * HOUR_MS, "organic"),
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
def test_an_impression_is_credited_within_its_window_whenever_it_arrives(
    resources: Resources,
    shop: App,
    bench: Bench,
    start_ms: int,
    seen: dict[str, Any],
    age_ms: int,
    rule: str,
    is_late: bool,
) -> None:
    facts = [
        SEEN | {"click_id": "view", "time": start_ms - age_ms} | seen,
        opened("u", start_ms) | PHONE,
    ]
    take_in(resources, shop, bench, *(reversed(facts) if is_late else facts))

    found = decided(bench, shop)

    assert found == (
        (rule, None, None) if rule == "organic" else (rule, "view", "Partner / Summer")
    )


def test_any_click_comes_before_any_impression_and_says_so(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    take_in(
        resources,
        shop,
        bench,
        SEEN | {"click_id": "view", "time": start_ms - 1} | PHONE,
        CLICK | {"click_id": "click", "time": start_ms - 5 * HOUR_MS},
        opened("u", start_ms) | PHONE,
    )

    assert decided(bench, shop) == ("address_and_device", "click", "Partner / Summer")
    ((in_force),) = timeline(bench.connection, shop).attributions
    assert [(each.click_id, each.rule, each.lost) for each in in_force.beaten] == [
        ("view", "view_device_id", "weaker_rule")
    ]
    question = read_question("u", "", "")
    (user,) = explain_question(bench.connection, shop, "production", question).users
    assert {(click.click_id, click.kind) for click in user.clicks} == {
        ("view", "impression"),
        ("click", "click"),
    }


def test_an_app_or_a_link_credits_no_impressions_if_it_says_so(
    resources: Resources, shop: App, bench: Bench, start_ms: int, ask: Ask
) -> None:
    (link,) = list_links(bench.connection, shop)
    seen = SEEN | {"click_id": "view", "time": start_ms - HOUR_MS} | PHONE
    set_view_through(bench.connection, ADMIN, shop, link, wanted=False)
    take_in(resources, shop, bench, seen, opened("u", start_ms) | PHONE)
    assert decided(bench, shop)[0] == "organic"

    changed = ask("link", "set", "--app", "Shop", "Summer", "--view-through")
    assert changed["link"]["view_through"]
    assert find_link(bench.connection, shop, "Summer").view_through
    take_in(resources, shop, bench, opened("v", start_ms + 1) | PHONE)
    assert decided(bench, shop, "v")[0] == "view_device_id"

    off = {"view-window-hours": 0, "view-probabilistic-window-hours": 0}
    change_rules(bench.connection, ADMIN, shop, off)
    take_in(resources, shop, bench, opened("w", start_ms + 2) | PHONE)
    assert decided(bench, shop, "w")[0] == "organic"
