"""A user followed through time: the first attribution, the returns, and what is in force when."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.vocabulary import Lost, Rule
from tests.unit.workers.core.build import (
    GOOGLE,
    HOME,
    IPHONE,
    NOON_MS,
    SUMMER,
    WINTER,
    ad_revenue,
    click,
    event,
    history,
    opened,
)
from workers.core.attribution import (
    Attribution,
    attribute,
    attribution_at,
)
from workers.core.history import Click, Moment, Origin, Signal
from workers.core.rules import DAY_MS, HOUR_MS, MINUTE_MS, Rules
from workers.core.waterfall import Beaten

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
RULES = Rules()
WEEK_MS = 7 * DAY_MS


def sequence(*facts: Signal | Click, rules: Rules = RULES) -> tuple[Attribution, ...]:
    return attribute(history(*facts), rules)


def origins(*facts: Signal | Click, rules: Rules = RULES) -> list[Origin | None]:
    return [attribution.origin for attribution in sequence(*facts, rules=rules)]


def mine(click_id: str, time_ms: int, origin: Origin | None = SUMMER) -> Click:
    return click(click_id, time_ms, origin, device_ids={GAID})


def test_without_a_signal_there_is_nothing_to_attribute() -> None:
    assert sequence(mine("c", NOON_MS)) == ()


@pytest.mark.parametrize("seen", [opened, event, ad_revenue])
def test_a_user_is_attributed_by_the_first_signal_of_whatever_kind(
    seen: Callable[..., Signal],
) -> None:
    found = mine("c", NOON_MS - 1)

    (decision,) = sequence(seen(NOON_MS, "r", device_ids={GAID}), opened(NOON_MS + 1), found)

    assert (decision.moment, decision.origin) == (Moment(NOON_MS, "r"), SUMMER)


@pytest.mark.parametrize("receipts", ["12", "21"])
@pytest.mark.parametrize("located", [opened, event])
def test_of_two_signals_in_one_millisecond_either_may_tell_where_the_user_is(
    receipts: str, located: Any
) -> None:
    sender: dict[str, Any] = {"address": HOME, "device": IPHONE}
    other = event if located is opened else opened

    (decision,) = sequence(
        located(NOON_MS, receipts[0], **sender),
        other(NOON_MS, receipts[1]),
        click("c", NOON_MS, **sender),
    )

    assert decision.rule is Rule.ADDRESS_AND_DEVICE
    assert decision.moment.receipt == receipts[0 if located is opened else 1]


def test_an_address_that_comes_a_second_later_says_nothing_of_the_first_moment() -> None:
    sender: dict[str, Any] = {"address": HOME, "device": IPHONE}

    (decision,) = sequence(
        event(NOON_MS), opened(NOON_MS + 1000, **sender), click("c", NOON_MS, **sender)
    )

    assert decision.rule is Rule.ORGANIC


def test_a_late_click_revises_the_first_attribution() -> None:
    signal = opened(NOON_MS, device_ids={GAID})

    assert origins(signal) == [None]
    assert origins(signal, mine("c", NOON_MS - 1)) == [SUMMER]


def test_a_late_open_moves_the_first_attribution_before_the_click() -> None:
    signal, found = opened(NOON_MS, device_ids={GAID}), mine("c", NOON_MS - 1)

    (decision,) = sequence(signal, found, opened(NOON_MS - HOUR_MS))

    assert (decision.moment.time_ms, decision.rule) == (NOON_MS - HOUR_MS, Rule.ORGANIC)


def test_a_late_purchase_moves_the_first_attribution_too() -> None:
    signal, found = opened(NOON_MS, device_ids={GAID}), mine("c", NOON_MS - WEEK_MS)

    (decision,) = sequence(signal, found, event(NOON_MS - HOUR_MS))

    assert (decision.moment.time_ms, decision.origin) == (NOON_MS - HOUR_MS, SUMMER)


def test_two_apps_with_one_user_id_are_two_users() -> None:
    clicks = (mine("ours", NOON_MS), click("theirs", NOON_MS, WINTER, app="b", device_ids={GAID}))
    signal = opened(NOON_MS, device_ids={GAID})

    assert attribute(history(signal, *clicks), RULES)[0].click_id == "ours"
    assert attribute(history(signal, *clicks, app="b"), RULES)[0].click_id == "theirs"


# Coming back.


def test_an_open_after_inactivity_with_a_new_links_click_starts_a_new_attribution() -> None:
    back_ms = NOON_MS + 10 * DAY_MS

    first, again = sequence(
        opened(NOON_MS, device_ids={GAID}),
        mine("c1", NOON_MS - 1, SUMMER),
        mine("c2", back_ms - HOUR_MS, WINTER),
        opened(back_ms, "back"),
    )

    assert (first.origin, first.is_reattribution) == (SUMMER, False)
    assert (again.origin, again.is_reattribution) == (WINTER, True)
    assert (again.moment, again.rule) == (Moment(back_ms, "back"), Rule.DEVICE_ID)


@pytest.mark.parametrize(
    ("idle_ms", "expected"),
    [
        pytest.param(WEEK_MS - 1, [SUMMER], id="one millisecond before the edge"),
        pytest.param(WEEK_MS, [SUMMER, WINTER], id="at the edge"),
    ],
)
def test_inactivity_is_reached_at_its_last_millisecond(
    idle_ms: int, expected: list[Origin | None]
) -> None:
    left_ms = NOON_MS + 20 * MINUTE_MS
    facts = (
        opened(NOON_MS, device_ids={GAID}),
        event(left_ms),
        mine("c1", NOON_MS - 1, SUMMER),
        mine("c2", left_ms + idle_ms - 1, WINTER),
        opened(left_ms + idle_ms),
    )

    assert origins(*facts) == expected


def test_who_is_charged_every_day_is_not_away_though_they_never_open_the_app() -> None:
    back_ms = NOON_MS + 30 * DAY_MS
    charges = [event(NOON_MS + day * DAY_MS) for day in range(1, 30)]

    assert origins(
        opened(NOON_MS, device_ids={GAID}), *charges, mine("c", back_ms, WINTER), opened(back_ms)
    ) == [None]


def test_an_event_outside_any_session_is_activity() -> None:
    back_ms = NOON_MS + WEEK_MS

    assert origins(
        opened(NOON_MS, device_ids={GAID}),
        event(NOON_MS + 3 * DAY_MS, "renewal"),
        mine("c2", back_ms, WINTER),
        opened(back_ms),
    ) == [None]


def test_only_an_open_brings_a_user_back() -> None:
    back_ms = NOON_MS + 10 * DAY_MS
    facts = (opened(NOON_MS, device_ids={GAID}), mine("c2", back_ms, WINTER))

    assert origins(*facts, event(back_ms), ad_revenue(back_ms)) == [None]


@pytest.mark.parametrize(
    ("age_ms", "expected"), [(WEEK_MS, [None, WINTER]), (WEEK_MS + 1, [None]), (-1, [None])]
)
def test_the_reattribution_window_is_closed_at_its_far_end(
    age_ms: int, expected: list[Origin | None]
) -> None:
    back_ms = NOON_MS + 20 * DAY_MS

    assert (
        origins(
            opened(NOON_MS, device_ids={GAID}), mine("c", back_ms - age_ms, WINTER), opened(back_ms)
        )
        == expected
    )


def test_the_reattribution_window_is_a_setting_of_its_own() -> None:
    back_ms = NOON_MS + 20 * DAY_MS
    facts = (opened(NOON_MS, device_ids={GAID}), mine("c", back_ms - DAY_MS), opened(back_ms))

    assert origins(*facts, rules=Rules(reattribution_window_ms=DAY_MS)) == [None, SUMMER]
    assert origins(*facts, rules=Rules(reattribution_window_ms=DAY_MS - 1)) == [None]


def test_of_two_clicks_of_the_millisecond_of_the_attribution_the_same_one_is_the_last_touch() -> (
    None
):
    install = (opened(NOON_MS, device_ids={GAID}), mine("c1", NOON_MS), mine("c2", NOON_MS, WINTER))

    assert origins(*install, opened(NOON_MS + WEEK_MS)) == [SUMMER]


def test_a_user_stays_with_their_source_if_its_click_is_the_last_touch() -> None:
    """Away for eight days, with a click on another link before the last one on their own."""
    back_ms = NOON_MS + 8 * DAY_MS
    install = (opened(NOON_MS, device_ids={GAID}), mine("c0", NOON_MS - 1, SUMMER))
    other, own = mine("c1", back_ms - 5 * DAY_MS, WINTER), mine("c2", back_ms - 60_000, SUMMER)

    assert origins(*install, other, own, opened(back_ms)) == [SUMMER]
    assert origins(*install, other, opened(back_ms)) == [SUMMER, WINTER]


def test_a_new_click_on_the_same_link_changes_nothing() -> None:
    back_ms = NOON_MS + 10 * DAY_MS

    assert origins(
        opened(NOON_MS, device_ids={GAID}),
        mine("c1", NOON_MS - 1, SUMMER),
        mine("c2", back_ms, SUMMER),
        opened(back_ms),
    ) == [SUMMER]


def test_the_latest_click_on_another_link_wins_and_the_rest_say_why_not() -> None:
    back_ms = NOON_MS + 10 * DAY_MS

    (_, again) = sequence(
        opened(NOON_MS, device_ids={GAID}),
        mine("c0", NOON_MS - 2, WINTER),
        mine("c1", NOON_MS - 1, SUMMER),
        mine("c2", back_ms - 4, WINTER),
        mine("c3", back_ms - 2, GOOGLE),
        mine("c4", back_ms - 3, SUMMER),
        mine("c5", back_ms - 1, None),
        opened(back_ms),
    )

    assert (again.click_id, again.considered) == ("c3", 6)
    assert again.beaten == (
        Beaten("c4", Rule.DEVICE_ID, Lost.EARLIER),
        Beaten("c2", Rule.DEVICE_ID, Lost.EARLIER),
        Beaten("c5", Rule.DEVICE_ID, Lost.NO_SOURCE),
        Beaten("c1", Rule.DEVICE_ID, Lost.BEFORE_STANDING),
        Beaten("c0", Rule.DEVICE_ID, Lost.BEFORE_STANDING),
    )


def test_an_address_does_not_take_a_user_over() -> None:
    back_ms = NOON_MS + 10 * DAY_MS
    here: dict[str, Any] = {"address": HOME, "device": IPHONE}
    nearby, visit = click("c2", back_ms, WINTER, **here), click("visit", back_ms, None, **here)
    back = opened(back_ms, click_ids={"visit"}, **here)

    assert origins(opened(NOON_MS), nearby, visit, back) == [None]


def test_a_paid_user_who_comes_back_by_themselves_stays_with_their_partner() -> None:
    facts = (
        opened(NOON_MS, device_ids={GAID}),
        mine("c1", NOON_MS - 1, SUMMER),
        opened(NOON_MS + 100 * DAY_MS),
    )

    assert origins(*facts) == [SUMMER]


def test_a_user_can_come_back_more_than_once() -> None:
    second_ms, third_ms = NOON_MS + 10 * DAY_MS, NOON_MS + 20 * DAY_MS

    assert origins(
        opened(NOON_MS, device_ids={GAID}),
        mine("c1", NOON_MS, SUMMER),
        mine("c2", second_ms, WINTER),
        opened(second_ms),
        mine("c3", third_ms, SUMMER),
        opened(third_ms),
    ) == [SUMMER, WINTER, SUMMER]


def test_two_old_clicks_do_not_pass_a_user_to_and_fro() -> None:
    rules = Rules(inactivity_ms=DAY_MS, reattribution_window_ms=30 * DAY_MS)
    opens = [opened(NOON_MS + day * DAY_MS, device_ids={GAID}) for day in range(0, 20, 2)]
    clicks = (mine("c1", NOON_MS - 1, SUMMER), mine("c2", NOON_MS - 2, WINTER))

    assert origins(*opens, *clicks, rules=rules) == [SUMMER]


def test_a_reinstall_is_the_same_user_until_they_have_been_away() -> None:
    soon_ms, late_ms = NOON_MS + DAY_MS, NOON_MS + 10 * DAY_MS
    install = (opened(NOON_MS, device_ids={GAID}), mine("c1", NOON_MS, SUMMER))

    assert origins(*install, mine("c2", soon_ms, WINTER), opened(soon_ms)) == [SUMMER]
    assert origins(*install, mine("c2", late_ms, WINTER), opened(late_ms)) == [SUMMER, WINTER]


def test_before_a_first_session_inactivity_runs_from_the_first_attribution() -> None:
    purchase = event(NOON_MS, device_ids={GAID})

    for away_ms, expected in [(WEEK_MS - 1, [None]), (WEEK_MS, [None, WINTER])]:
        back_ms = NOON_MS + away_ms
        assert origins(purchase, mine("c", back_ms, WINTER), opened(back_ms)) == expected


def test_inactivity_shorter_than_the_session_timeout_acts_as_the_timeout() -> None:
    rules = Rules(inactivity_ms=0)
    timeout_ms = rules.session_timeout_ms

    for seen in (opened, event):
        for away_ms, expected in [(timeout_ms - 1, [None]), (timeout_ms, [None, WINTER])]:
            back_ms = NOON_MS + away_ms
            facts = (seen(NOON_MS, device_ids={GAID}), mine("c", back_ms, WINTER), opened(back_ms))
            assert origins(*facts, rules=rules) == expected


def test_a_visit_without_a_source_lends_its_device_id_to_a_return() -> None:
    back_ms = NOON_MS + 10 * DAY_MS

    (_, again) = sequence(
        opened(NOON_MS),
        click("visit", back_ms - 1, None, device_ids={GAID}),
        mine("p", back_ms - 2, WINTER),
        opened(back_ms, click_ids={"visit"}),
    )

    assert (again.click_id, again.through) == ("p", "visit")


# What is in force when.


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(Moment(NOON_MS - 1, "z"), None, id="before the first"),
        pytest.param(Moment(NOON_MS, "q"), SUMMER, id="at the first"),
        pytest.param(Moment(NOON_MS + 10 * DAY_MS - 1, "z"), SUMMER, id="just before the second"),
        pytest.param(Moment(NOON_MS + 10 * DAY_MS, "r"), WINTER, id="at the second, smaller"),
        pytest.param(Moment(NOON_MS + 10 * DAY_MS, "s"), WINTER, id="at the second"),
        pytest.param(Moment(NOON_MS + 99 * DAY_MS, ""), WINTER, id="long after"),
    ],
)
def test_an_event_belongs_to_the_attribution_in_force_at_its_moment(
    moment: Moment, expected: Origin | None
) -> None:
    attributions = sequence(
        opened(NOON_MS, "r", device_ids={GAID}),
        mine("c1", NOON_MS, SUMMER),
        mine("c2", NOON_MS + 10 * DAY_MS, WINTER),
        opened(NOON_MS + 10 * DAY_MS, "s"),
    )

    in_force = attribution_at(attributions, moment)

    assert (in_force and in_force.origin) == expected
