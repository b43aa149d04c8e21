"""Which click a first signal is credited to, and why the others lost."""

from typing import Any

import pytest

from shared.vocabulary import Lost, Rule
from tests.unit.workers.core.build import (
    GOOGLE,
    HOME,
    IPHONE,
    NOBODY,
    NOON_MS,
    PIXEL,
    SUMMER,
    WINTER,
    click,
    event,
    history,
    opened,
)
from workers.core.attribution import Attribution, attribute
from workers.core.devices import Device
from workers.core.history import Click, Identity, Origin, Signal
from workers.core.rules import CLICK_AGE_MS_MAX, DAY_MS, HOUR_MS, MINUTE_MS, Rules
from workers.core.waterfall import BEATEN_MAX, Beaten

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
OTHER_GAID = "9f1c0d52-5b0e-4b8e-9f0a-2f8a4a8f7c11"
ZERO_IDFA = "00000000-0000-0000-0000-000000000000"
WINDOW_MS = 7 * DAY_MS


def first(*facts: Signal | Click, known: Identity = NOBODY) -> Attribution:
    return attribute(history(*facts, known=known), Rules())[0]


def test_a_user_whom_nothing_ties_to_a_click_is_organic() -> None:
    decision = first(opened(NOON_MS), click("c", NOON_MS - 1))

    assert (decision.rule, decision.click_id, decision.origin) == (Rule.ORGANIC, None, None)
    assert (decision.beaten, decision.considered) == ((), 0)


@pytest.mark.parametrize(
    ("rule", "signal", "found"),
    [
        pytest.param(
            Rule.CLICK_ID,
            opened(NOON_MS, click_ids={"c"}),
            click("c", NOON_MS - HOUR_MS),
            id="the user carries the click's id",
        ),
        pytest.param(
            Rule.DEVICE_ID,
            opened(NOON_MS, device_ids={GAID}),
            click("c", NOON_MS - HOUR_MS, device_ids={GAID}),
            id="user and click share a device id",
        ),
        pytest.param(
            Rule.ADDRESS_AND_DEVICE,
            opened(NOON_MS, address=HOME, device=IPHONE),
            click("c", NOON_MS - HOUR_MS, address=HOME, device=IPHONE),
            id="same address, same kind of device",
        ),
    ],
)
def test_each_step_credits_the_click_and_names_itself(
    rule: Rule, signal: Signal, found: Click
) -> None:
    decision = first(signal, found)

    assert (decision.rule, decision.click_id, decision.origin) == (rule, "c", SUMMER)
    assert (decision.moment, decision.is_reattribution) == (signal.moment, False)
    assert (decision.considered, decision.beaten, decision.through) == (1, (), None)


@pytest.mark.parametrize(
    ("window_ms", "told", "carried"),
    [
        pytest.param(WINDOW_MS, {"click_ids": {"c"}}, {}, id="click id"),
        pytest.param(WINDOW_MS, {"device_ids": {GAID}}, {"device_ids": {GAID}}, id="device id"),
        pytest.param(
            6 * HOUR_MS,
            {"address": HOME, "device": IPHONE},
            {"address": HOME, "device": IPHONE},
            id="address and device",
        ),
    ],
)
def test_a_window_is_closed_at_its_far_end_to_the_millisecond(
    window_ms: int, told: dict[str, Any], carried: dict[str, Any]
) -> None:
    signal = opened(NOON_MS, **told)

    for age_ms, is_credited in [(0, True), (window_ms, True), (window_ms + 1, False), (-1, False)]:
        found = click("c", NOON_MS - age_ms, **carried)
        assert (first(signal, found).click_id == "c") is is_credited, age_ms


def test_windows_are_settings() -> None:
    facts = history(opened(NOON_MS, click_ids={"c"}), click("c", NOON_MS - HOUR_MS))

    (hour,) = attribute(facts, Rules(version=3, click_deterministic_ms=HOUR_MS))
    (less,) = attribute(facts, Rules(version=4, click_deterministic_ms=HOUR_MS - 1))

    assert (hour.rule, hour.rules_version) == (Rule.CLICK_ID, 3)
    assert (less.rule, less.rules_version) == (Rule.ORGANIC, 4)


def test_the_latest_click_of_a_step_wins() -> None:
    decision = first(
        opened(NOON_MS, device_ids={GAID}),
        click("new", NOON_MS - MINUTE_MS, WINTER, device_ids={GAID}),
        click("old", NOON_MS - HOUR_MS, SUMMER, device_ids={GAID}),
    )

    assert (decision.click_id, decision.origin) == ("new", WINTER)
    assert decision.beaten == (Beaten("old", Rule.DEVICE_ID, Lost.EARLIER),)


def test_of_two_clicks_in_one_millisecond_the_smaller_id_wins() -> None:
    decision = first(
        opened(NOON_MS, device_ids={GAID}),
        click("b", NOON_MS - 1, device_ids={GAID}),
        click("a", NOON_MS - 1, device_ids={GAID}),
    )

    assert decision.click_id == "a"
    assert decision.beaten == (Beaten("b", Rule.DEVICE_ID, Lost.LARGER_ID),)


def test_an_earlier_step_wins_over_a_later_click() -> None:
    decision = first(
        opened(NOON_MS, click_ids={"id"}, device_ids={GAID}, address=HOME, device=IPHONE),
        click("place", NOON_MS - 1, address=HOME, device=IPHONE),
        click("device", NOON_MS - 2, device_ids={GAID}),
        click("id", NOON_MS - 3),
    )

    assert decision.click_id == "id"
    assert decision.beaten == (
        Beaten("device", Rule.DEVICE_ID, Lost.WEAKER_RULE),
        Beaten("place", Rule.ADDRESS_AND_DEVICE, Lost.WEAKER_RULE),
    )


def test_a_click_too_old_for_a_strong_step_can_win_by_a_weak_one() -> None:
    tied_twice = click("c", NOON_MS - HOUR_MS, device_ids={GAID}, address=HOME, device=IPHONE)
    signal = opened(NOON_MS, device_ids={GAID}, address=HOME, device=IPHONE)

    (decision,) = attribute(history(signal, tied_twice), Rules(click_deterministic_ms=MINUTE_MS))

    assert decision.rule is Rule.ADDRESS_AND_DEVICE


def test_a_click_at_the_edge_of_a_strong_step_wins_by_that_one() -> None:
    told: dict[str, Any] = {"device_ids": {GAID}, "address": HOME, "device": IPHONE}
    facts = history(opened(NOON_MS, **told), click("c", NOON_MS - HOUR_MS, **told))

    (decision,) = attribute(facts, Rules(click_deterministic_ms=HOUR_MS))

    assert decision.rule is Rule.DEVICE_ID


def test_a_click_that_is_too_old_is_named_until_it_is_out_of_reach() -> None:
    signal = opened(NOON_MS, device_ids={GAID})

    named = first(signal, click("c", NOON_MS - CLICK_AGE_MS_MAX, device_ids={GAID}))
    forgotten = first(signal, click("c", NOON_MS - CLICK_AGE_MS_MAX - 1, device_ids={GAID}))

    assert (named.rule, named.considered) == (Rule.ORGANIC, 1)
    assert named.beaten == (Beaten("c", Rule.DEVICE_ID, Lost.OUTSIDE_WINDOW),)
    assert (forgotten.beaten, forgotten.considered) == ((), 0)


def test_ten_beaten_are_kept_and_all_are_counted() -> None:
    clicks = [click(f"c{age:02}", NOON_MS - age, device_ids={GAID}) for age in range(30)]

    decision = first(opened(NOON_MS, device_ids={GAID}), *clicks)

    assert decision.considered == 30
    assert [beaten.click_id for beaten in decision.beaten] == [
        f"c{age:02}" for age in range(1, 1 + BEATEN_MAX)
    ]


def test_those_that_could_have_won_are_named_before_those_that_could_not() -> None:
    decision = first(
        opened(NOON_MS, click_ids={"server", "won", "expired"}, address=HOME, device=IPHONE),
        click("server", NOON_MS, None),
        click("expired", NOON_MS - 8 * DAY_MS),
        click("won", NOON_MS - DAY_MS),
        click("nearby", NOON_MS - HOUR_MS, address=HOME, device=IPHONE),
    )

    assert decision.beaten == (
        Beaten("nearby", Rule.ADDRESS_AND_DEVICE, Lost.WEAKER_RULE),
        Beaten("server", Rule.CLICK_ID, Lost.NO_SOURCE),
        Beaten("expired", Rule.CLICK_ID, Lost.OUTSIDE_WINDOW),
    )


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"click_ids": {"c"}}, id="click id"),
        pytest.param({"device_ids": {GAID}}, id="device id"),
        pytest.param({"address": HOME, "device": IPHONE}, id="address and device"),
    ],
)
def test_a_click_of_another_app_is_no_candidate(told: dict[str, Any]) -> None:
    theirs = click("c", NOON_MS - 1, app="other", device_ids={GAID}, address=HOME, device=IPHONE)

    decision = first(opened(NOON_MS, **told), theirs)

    assert (decision.rule, decision.considered) == (Rule.ORGANIC, 0)


def test_another_apps_click_of_the_same_id_does_not_hide_ours() -> None:
    signal = opened(NOON_MS, click_ids={"c"})

    decision = first(signal, click("c", NOON_MS - 1), click("c", NOON_MS - 2, app="other"))

    assert decision.click_id == "c"


def test_a_user_id_that_is_another_apps_click_id_leaves_the_user_organic() -> None:
    decision = first(opened(NOON_MS, click_ids={"theirs"}), click("theirs", NOON_MS, app="other"))

    assert decision.rule is Rule.ORGANIC


def test_a_click_id_that_nobody_knows_binds_when_its_click_comes() -> None:
    signal = opened(NOON_MS, click_ids={"late"})

    assert first(signal).rule is Rule.ORGANIC
    assert first(signal, click("late", NOON_MS - 1)).rule is Rule.CLICK_ID


def test_device_ids_are_compared_without_case_on_either_side() -> None:
    for told, carried in [(GAID.upper(), GAID), (GAID, GAID.upper())]:
        found = click("c", NOON_MS, device_ids={carried})
        assert first(opened(NOON_MS, device_ids={told}), found).rule is Rule.DEVICE_ID


def test_one_zeroed_idfa_does_not_tie_strangers() -> None:
    signal = opened(NOON_MS, device_ids={ZERO_IDFA})

    decision = first(signal, click("c", NOON_MS - 1, device_ids={ZERO_IDFA.replace("-", "")}))

    assert (decision.rule, decision.considered) == (Rule.ORGANIC, 0)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "", "?"]
)
def test_an_address_that_many_people_have_ties_nobody(address: str) -> None:
    signal = opened(NOON_MS, address=address, device=IPHONE)

    decision = first(signal, click("c", NOON_MS - 1, address=address, device=IPHONE))

    assert (decision.rule, decision.considered) == (Rule.ORGANIC, 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(PIXEL, id="another kind"),
        pytest.param(Device("iPhone", "iOS", "17.5"), id="another version"),
        pytest.param(Device("iPad", "iOS", "17.4"), id="another family"),
        pytest.param(None, id="no user agent"),
    ],
)
def test_an_address_without_the_same_device_ties_nobody(other: Device | None) -> None:
    signal = opened(NOON_MS, address=HOME, device=IPHONE)

    assert first(signal, click("c", NOON_MS, address=HOME, device=other)).rule is Rule.ORGANIC


@pytest.mark.parametrize(
    "device",
    [
        pytest.param(Device("Spider", "Other", is_bot=True), id="a bot"),
        pytest.param(Device("iPhone", ""), id="no system"),
    ],
)
def test_a_device_that_tells_nobody_apart_ties_nobody(device: Device) -> None:
    signal = opened(NOON_MS, address=HOME, device=device)

    assert first(signal, click("c", NOON_MS, address=HOME, device=device)).rule is Rule.ORGANIC


def test_two_spellings_of_one_address_are_one_address() -> None:
    signal = opened(NOON_MS, address=f"::ffff:{HOME}", device=IPHONE)

    decision = first(signal, click("c", NOON_MS, address=HOME, device=IPHONE))

    assert decision.rule is Rule.ADDRESS_AND_DEVICE


def test_an_office_of_forty_shares_an_address_and_each_device_finds_its_own_click() -> None:
    devices = [Device(f"Phone {number}", "Android", "14") for number in range(40)]
    clicks = [
        click(f"c{number:02}", NOON_MS - number, address=HOME, device=device)
        for number, device in enumerate(devices)
    ]

    for number, device in enumerate(devices):
        decision = first(opened(NOON_MS, address=HOME, device=device), *clicks)
        assert (decision.click_id, decision.considered) == (f"c{number:02}", 1)


def test_in_an_office_of_forty_equal_phones_the_latest_click_wins() -> None:
    clicks = [
        click(f"c{number:02}", NOON_MS - number, address=HOME, device=IPHONE)
        for number in range(40)
    ]

    decision = first(opened(NOON_MS, address=HOME, device=IPHONE), *clicks)

    assert (decision.click_id, decision.considered) == ("c00", 40)


def test_a_click_without_a_link_is_credited_to_the_source_it_names() -> None:
    decision = first(opened(NOON_MS, click_ids={"c"}), click("c", NOON_MS, GOOGLE))

    assert (decision.rule, decision.origin) == (Rule.CLICK_ID, GOOGLE)


def test_a_clock_one_day_ahead_keeps_deterministic_ties_and_loses_the_address() -> None:
    ahead_ms = NOON_MS + DAY_MS
    by_device = click("c", NOON_MS, device_ids={GAID}, address=HOME, device=IPHONE)

    known = first(opened(ahead_ms, device_ids={GAID}, address=HOME, device=IPHONE), by_device)
    unknown = first(opened(ahead_ms, address=HOME, device=IPHONE), by_device)

    assert (known.rule, unknown.rule) == (Rule.DEVICE_ID, Rule.ORGANIC)


def test_an_id_told_only_by_a_later_call_is_the_users_all_along() -> None:
    found = click("c", NOON_MS - HOUR_MS, device_ids={GAID})

    decision = first(event(NOON_MS), opened(NOON_MS + 1, device_ids={GAID}), found)

    assert (decision.rule, decision.moment.time_ms) == (Rule.DEVICE_ID, NOON_MS)


def test_an_address_told_only_by_a_later_call_is_not() -> None:
    found = click("c", NOON_MS - HOUR_MS, address=HOME, device=IPHONE)

    decision = first(event(NOON_MS), opened(NOON_MS + 1, address=HOME, device=IPHONE), found)

    assert decision.rule is Rule.ORGANIC


def test_an_identity_known_from_elsewhere_counts() -> None:
    known = Identity(device_ids=frozenset({GAID}))

    decision = first(opened(NOON_MS), click("c", NOON_MS, device_ids={GAID}), known=known)

    assert decision.rule is Rule.DEVICE_ID


# A click that names no source: made by the app's server for a visitor who just came.


def visitor(time_ms: int, origin: Origin | None = None) -> Click:
    return click("visit", time_ms, origin, device_ids={GAID}, address=HOME, device=IPHONE)


def test_a_click_without_a_source_is_never_credited() -> None:
    decision = first(opened(NOON_MS, click_ids={"visit"}), visitor(NOON_MS))

    assert (decision.rule, decision.origin) == (Rule.ORGANIC, None)
    assert decision.beaten == (Beaten("visit", Rule.CLICK_ID, Lost.NO_SOURCE),)


@pytest.mark.parametrize(
    ("rule", "partners"),
    [
        pytest.param(
            Rule.DEVICE_ID, click("p", NOON_MS - DAY_MS, device_ids={GAID}), id="its device id"
        ),
        pytest.param(
            Rule.ADDRESS_AND_DEVICE,
            click("p", NOON_MS - HOUR_MS, address=HOME, device=IPHONE),
            id="its address and device",
        ),
    ],
)
def test_a_partners_click_is_found_by_what_the_visit_lends(rule: Rule, partners: Click) -> None:
    signal = opened(NOON_MS, click_ids={"visit"}, address="198.51.100.1", device=PIXEL)

    assert first(signal, partners).rule is Rule.ORGANIC
    decision = first(signal, partners, visitor(NOON_MS - MINUTE_MS))

    assert (decision.rule, decision.click_id, decision.through) == (rule, "p", "visit")


def test_own_evidence_is_named_before_what_is_lent() -> None:
    signal = opened(NOON_MS, click_ids={"visit"}, device_ids={GAID})

    decision = first(signal, visitor(NOON_MS), click("p", NOON_MS - 1, device_ids={GAID}))

    assert (decision.click_id, decision.through) == ("p", None)


def test_of_two_visits_that_lend_the_same_the_smaller_id_is_named() -> None:
    visits = [click(visit, NOON_MS, None, device_ids={GAID}) for visit in ("v2", "v1", "v3")]
    signal = opened(NOON_MS, click_ids={"v1", "v2", "v3"})

    decision = first(signal, click("p", NOON_MS, device_ids={GAID}), *visits)

    assert (decision.click_id, decision.through) == ("p", "v1")


def test_windows_are_measured_to_the_signal_and_not_to_the_visit() -> None:
    edge_ms = NOON_MS - 6 * HOUR_MS
    signal = opened(NOON_MS, click_ids={"visit"})

    for time_ms, rule in [(edge_ms, Rule.ADDRESS_AND_DEVICE), (edge_ms - 1, Rule.ORGANIC)]:
        partners = click("p", time_ms, address=HOME, device=IPHONE)
        assert first(signal, partners, visitor(edge_ms)).rule is rule


@pytest.mark.parametrize(
    ("age_ms", "does_lend"), [(WINDOW_MS, True), (WINDOW_MS + 1, False), (-1, False)]
)
def test_a_visit_lends_while_a_click_could_win_by_its_id(age_ms: int, *, does_lend: bool) -> None:
    signal = opened(NOON_MS, click_ids={"visit"})
    partners = click("p", NOON_MS, device_ids={GAID})

    decision = first(signal, partners, visitor(NOON_MS - age_ms))

    assert (decision.click_id == "p") is does_lend


def test_a_visit_that_the_user_does_not_name_lends_nothing() -> None:
    signal = opened(NOON_MS, device_ids={GAID})
    partners = click("p", NOON_MS - 1, address=HOME, device=IPHONE)

    assert first(signal, partners, visitor(NOON_MS)).click_id is None


def test_a_visit_of_another_app_lends_nothing() -> None:
    signal = opened(NOON_MS, click_ids={"visit"})
    theirs = click("visit", NOON_MS, None, app="other", device_ids={GAID})

    assert first(signal, theirs, click("p", NOON_MS, device_ids={GAID})).click_id is None


def test_what_is_found_through_a_visit_lends_nothing_further() -> None:
    signal = opened(NOON_MS, click_ids={"visit"})
    second = click("second", NOON_MS - 1, None, device_ids={GAID, OTHER_GAID})
    partners = click("p", NOON_MS - 2, device_ids={OTHER_GAID})

    decision = first(signal, visitor(NOON_MS), second, partners)

    assert decision.rule is Rule.ORGANIC


def test_a_visit_that_names_a_source_is_credited_itself() -> None:
    signal = opened(NOON_MS, click_ids={"visit"})
    partners = click("p", NOON_MS, device_ids={GAID})

    decision = first(signal, partners, visitor(NOON_MS - 1, GOOGLE))

    assert (decision.click_id, decision.origin, decision.considered) == ("visit", GOOGLE, 1)
