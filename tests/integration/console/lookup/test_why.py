"""Why an install is organic, asked of what a worker has stored and decided."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from console.apps.apps import App
from console.apps.links import list_links
from console.lookup.link_day import read_link_day
from console.lookup.why import QuestionAnswer, explain_question, read_question
from console.resources import Resources
from shared.errors import BadValue
from tests.integration.console.conftest import Ask
from tests.integration.console.lookup.test_user_timeline import (
    MINUTE_MS,
    PHONE,
    links,
    start_ms,
    take_in,
)
from tests.integration.workers.conftest import Bench

__all__ = ["links", "start_ms"]
HOME = "203.0.113.7"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Mobile/15E148 Safari"
CLICK = {"type": "click", "link": "Summer", "ip": HOME, "user_agent": IPHONE}
DESCRIBED = {"os_name": "ios", "device_name": "iPhone15,2"}


def opened(user_id: str, time_ms: int, os_version: str = "17.4", **more: Any) -> dict[str, Any]:
    told = {"parameters": {**DESCRIBED, "os_version": os_version}, "ip": HOME}
    return {"type": "open", "time": time_ms, "user_id": user_id, **told, **more}


def ask_why(
    bench: Bench, app: App, text: str = "", address: str = "", time: str = ""
) -> QuestionAnswer:
    question = read_question(text, address, time)
    return explain_question(bench.connection, app, "production", question)


@pytest.mark.usefixtures("links")
def test_an_organic_install_shows_the_click_that_came_near_and_what_it_lacked(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    take_in(
        resources,
        shop,
        bench,
        CLICK | {"click_id": "near", "time": start_ms},
        opened("u", start_ms + 5 * MINUTE_MS, os_version="17.5"),
    )

    (user,) = ask_why(bench, shop, "u").users

    assert (user.user_id, user.rule, user.click_id) == ("u", "organic", None)
    assert user.facts[0] == f"address {HOME}"
    (click,) = user.clicks
    assert (click.click_id, click.origin, click.outcome, click.age) == (
        *("near", "Partner / Summer", "did not match"),
        "5 min before the first call",
    )
    assert [step.obstacle for step in click.steps] == [
        *("click_not_named", "click_without_device_id", "other_version"),
    ]
    assert "by IP address and device: both are of one version of the system" in click.needed
    assert click.needed[-1].startswith(
        "or nothing: devices that describe themselves so differently"
    )


@pytest.mark.usefixtures("links")
def test_an_install_whose_first_call_lacked_its_address_is_told_so(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    take_in(
        resources,
        shop,
        bench,
        CLICK | {"click_id": "near", "time": start_ms},
        {"type": "event", "time": start_ms + MINUTE_MS, "user_id": "u", "event_id": "start"},
        opened("u", start_ms + MINUTE_MS + 1_000),
    )

    (user,) = ask_why(bench, shop, "u").users

    assert (user.rule, user.click_id) == ("organic", None)
    (click,) = user.clicks
    assert click.steps[-1].obstacle == "user_without_public_address_or_device"
    assert any(
        needed.startswith("by IP address and device: the user's first call tells their address")
        for needed in click.needed
    )


@pytest.mark.usefixtures("links")
def test_a_question_by_address_and_time_or_by_any_id_leads_to_the_same_user(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    take_in(
        resources,
        shop,
        bench,
        CLICK | {"click_id": "won", "time": start_ms} | PHONE,
        opened("u", start_ms + MINUTE_MS) | PHONE,
    )
    came = datetime.fromtimestamp((start_ms + 40 * MINUTE_MS) / 1000, UTC)

    asked = [
        ask_why(bench, shop, "u"),
        ask_why(bench, shop, PHONE["device_ids"]["gaid"].upper()),
        ask_why(bench, shop, address=f"::ffff:{HOME}", time=came.isoformat()),
        ask_why(bench, shop, address=HOME, time=came.strftime("%Y-%m-%dT%H:%M")),
    ]

    for answer in asked:
        ((user),) = answer.users
        assert (user.user_id, user.rule, user.click_id) == ("u", "device_id", "won")
        assert [click.outcome for click in user.clicks] == ["credited"]


@pytest.mark.usefixtures("links")
def test_a_click_that_leads_to_no_user_is_shown_alone(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    take_in(resources, shop, bench, CLICK | {"click_id": "alone", "time": start_ms} | PHONE)
    came = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat()

    for answer in (
        ask_why(bench, shop, "alone"),
        ask_why(bench, shop, PHONE["device_ids"]["gaid"]),
        ask_why(bench, shop, address=HOME, time=came),
    ):
        assert answer.users == []
        assert [(click.click_id, click.origin) for click in answer.clicks] == [
            ("alone", "Partner / Summer")
        ]
    assert ask_why(bench, shop, "nobody") == QuestionAnswer([], [])


@pytest.mark.parametrize(
    ("address", "time"), [("", ""), ("10.0.0.1", "2026-01-01"), ("x", "2026-01-01"), (HOME, "soon")]
)
def test_a_question_that_names_nothing_is_refused(address: str, time: str) -> None:
    with pytest.raises(BadValue):
        read_question("", address, time)


@pytest.mark.usefixtures("links")
def test_a_links_day_counts_what_organic_installs_lacked(
    resources: Resources, shop: App, bench: Bench, ask: Ask
) -> None:
    start_ms = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1000)
    take_in(
        resources,
        shop,
        bench,
        CLICK | {"click_id": "c1", "time": start_ms},
        CLICK | {"click_id": "c2", "time": start_ms + 1, "ip": "203.0.113.8"},
        opened("credited", start_ms + MINUTE_MS),
        opened("other version", start_ms + 2 * MINUTE_MS, os_version="18.1"),
        opened("too late", start_ms + 7 * 60 * MINUTE_MS),
        opened("elsewhere", start_ms + MINUTE_MS, ip="203.0.113.9"),
        opened("another day", start_ms + 30 * 60 * MINUTE_MS),
    )
    (link,) = list_links(bench.connection, shop)

    day = read_link_day(bench.connection, shop, "production", link, date(2026, 3, 4))

    assert (day.clicks, day.installs, day.organic_installs, day.near) == (2, 1, 3, 2)
    assert {each.obstacle: each.installs for each in day.shortfalls} == {
        "other_version": 1,
        "outside_window": 1,
    }
    told = ask("why", "--app", "Shop", "--link", "Summer", "--day", "2026-03-04")
    assert (told["clicks"], told["near"]) == (2, 2)
    assert (told["clicks_credited_again"], told["further_users"]) == (0, 0)


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize(
    ("users_per_click", "installs", "again"), [("0", 3, (1, 2)), ("1", 1, (0, 0))]
)
def test_clicks_that_were_credited_more_than_once_are_counted(
    resources: Resources,
    shop: App,
    bench: Bench,
    ask: Ask,
    users_per_click: str,
    installs: int,
    again: tuple[int, int],
) -> None:
    ask("app", "set", "--app", "Shop", "--users-per-click", users_per_click)
    start_ms = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1000)
    take_in(
        resources,
        shop,
        bench,
        CLICK | {"click_id": "c1", "time": start_ms},
        *(opened(f"u{number}", start_ms + number * MINUTE_MS) for number in (1, 2, 3)),
    )

    told = ask("why", "--app", "Shop", "--link", "Summer", "--day", "2026-03-04")

    assert told["installs"] == installs
    assert (told["clicks_credited_again"], told["further_users"]) == again
    (second,) = ask("why", "--app", "Shop", "u2")["users"]
    (click,) = second["clicks"]
    assert ("credited to another user before" in click["outcome"]) is (installs == 1)
    assert any("nobody was credited" in needed for needed in click["needed"]) is (installs == 1)


@pytest.mark.usefixtures("links")
def test_the_command_explains_for_people_and_programs(
    resources: Resources, shop: App, bench: Bench, start_ms: int, ask: Ask
) -> None:
    take_in(resources, shop, bench, opened("u", start_ms))

    assert ask("why", "--app", "Shop", "u")["users"][0]["rule"] == "organic"
    assert ask("why", "--app", "Shop", status=1)["error"]
    assert ask("why", "--app", "Shop", "--link", "Summer")["clicks"] == 0  # today
    assert ask("why", "--app", "Shop", "--day", "2026-03-04", status=1)["error"]
