"""What holds for the attributions of any history under any rules."""

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from shared.vocabulary import Lost, Rule
from tests.unit.workers.core.build import APP, SUMMER, identity_of
from tests.unit.workers.core.strategies import RULES, foreign_clicks, histories
from workers.core.attribution import (
    Attribution,
    LastActivity,
    attribute,
    attribution_at,
    resume,
)
from workers.core.history import (
    Click,
    History,
    in_order,
)
from workers.core.rules import CLICK_AGE_MS_MAX
from workers.core.sessions import sessionize
from workers.core.waterfall import BEATEN_MAX

law = settings(max_examples=200, deadline=None)

WIDTHS = ("click_deterministic_ms", "click_probabilistic_ms", "reattribution_window_ms")


def with_clicks(history: History, *clicks: Click) -> History:
    return replace(history, clicks=(*history.clicks, *clicks))


def is_paid(attribution: Attribution | None) -> bool:
    return attribution is not None and attribution.rule is not Rule.ORGANIC


@law
@given(histories, st.randoms(use_true_random=False))
def test_arrival_order_and_repetition_change_nothing(history: History, random: Random) -> None:
    signals = [*history.signals, *history.signals[::2]]
    clicks = [*history.clicks, *history.clicks[::3]]
    random.shuffle(signals)
    random.shuffle(clicks)

    again = attribute(replace(history, signals=tuple(signals), clicks=tuple(clicks)), RULES)

    assert json.encode(again) == json.encode(attribute(history, RULES))


@law
@given(histories)
def test_a_credited_click_is_ours_in_time_and_names_its_origin(history: History) -> None:
    ours = {click.id: click for click in history.clicks if click.app == history.app}
    window_ms = {
        Rule.CLICK_ID: RULES.click_deterministic_ms,
        Rule.DEVICE_ID: RULES.click_deterministic_ms,
        Rule.ADDRESS_AND_DEVICE: RULES.click_probabilistic_ms,
        Rule.VIEW_DEVICE_ID: RULES.view_device_id_ms,
        Rule.VIEW_ADDRESS_AND_DEVICE: RULES.view_probabilistic_ms,
    }

    for attribution in filter(is_paid, attribute(history, RULES)):
        credited = ours[attribution.click_id or ""]
        width_ms = window_ms[attribution.rule]
        if attribution.is_reattribution:
            width_ms = RULES.reattribution_window_ms
        assert 0 <= attribution.moment.time_ms - credited.time_ms <= width_ms
        assert attribution.origin == credited.origin is not None


@law
@given(histories)
def test_no_eligible_click_of_the_same_rule_is_later(history: History) -> None:
    times_ms = {click.id: click.time_ms for click in history.clicks if click.app == history.app}

    for attribution in filter(is_paid, attribute(history, RULES)):
        credited = (-times_ms[attribution.click_id or ""], attribution.click_id or "")
        for beaten in attribution.beaten:
            if beaten.lost in (Lost.EARLIER, Lost.LARGER_ID):
                assert beaten.rule == attribution.rule
                assert credited < (-times_ms[beaten.click_id], beaten.click_id)
            if beaten.lost is Lost.WEAKER_RULE:
                assert list(Rule).index(beaten.rule) > list(Rule).index(attribution.rule)


@law
@given(histories)
def test_every_candidate_is_accounted_for(history: History) -> None:
    for attribution in attribute(history, RULES):
        losers = attribution.considered - is_paid(attribution)
        assert len(attribution.beaten) == min(losers, BEATEN_MAX)
        named = [beaten.click_id for beaten in attribution.beaten]
        assert len({*named, attribution.click_id}) == len(named) + 1


@law
@given(histories, st.sampled_from(WIDTHS), st.integers(1, 100))
def test_widening_a_window_never_turns_an_attributed_user_organic(
    history: History, width: str, more_ms: int
) -> None:
    wider = replace(RULES, **{width: getattr(RULES, width) + more_ms})
    narrow_answer, wide_answer = attribute(history, RULES), attribute(history, wider)

    for signal in history.signals:
        if is_paid(attribution_at(narrow_answer, signal.moment)):
            assert is_paid(attribution_at(wide_answer, signal.moment))


@law
@given(histories, foreign_clicks)
def test_a_click_of_another_app_changes_nothing(
    history: History, foreign: tuple[Click, ...]
) -> None:
    assert attribute(with_clicks(history, *foreign), RULES) == attribute(history, RULES)


@law
@given(histories, st.integers(1, 50), st.sampled_from(("C1", "C3", "C9")))
def test_a_click_changes_nothing_that_came_before_it(
    history: History, late_ms: int, click_id: str
) -> None:
    clicks = [click for click in history.clicks if click.id != click_id]
    history = replace(history, clicks=tuple(clicks))
    time_ms = min(signal.time_ms for signal in history.signals) + late_ms
    marks = {"device_ids": frozenset({"gaid-1", "idfa-2"}), "origin": SUMMER}
    click = Click(id=click_id, time_ms=time_ms, app=APP, **marks)  # type: ignore[arg-type]

    before, after = attribute(history, RULES), attribute(with_clicks(history, click), RULES)

    unmoved = [attribution for attribution in before if attribution.moment.time_ms < time_ms]
    assert list(after[: len(unmoved)]) == unmoved
    assert all(attribution.moment.time_ms >= time_ms for attribution in after[len(unmoved) :])


@law
@given(histories, st.integers(1, 10**12))
def test_a_click_out_of_reach_changes_nothing(history: History, beyond_ms: int) -> None:
    time_ms = min(signal.time_ms for signal in history.signals) - CLICK_AGE_MS_MAX - beyond_ms
    click = Click(id="C9", time_ms=time_ms, app=APP, device_ids=frozenset({"gaid-1"}))

    assert attribute(with_clicks(history, click), RULES) == attribute(history, RULES)


@law
@given(histories)
def test_in_event_time_a_paid_user_never_becomes_organic(history: History) -> None:
    attributions = attribute(history, RULES)

    for before, after in pairwise(attributions):
        assert before.moment.time_ms < after.moment.time_ms
        assert is_paid(after)
        assert after.origin != before.origin


@law
@given(histories)
def test_a_user_has_one_first_attribution_and_returns_only_by_opens(history: History) -> None:
    first, *returns = attribute(history, RULES)
    starts = [session.start for session in sessionize(history.signals, RULES.session_timeout_ms)]

    assert first.moment == in_order(history.signals)[0].moment
    assert not first.is_reattribution
    for attribution in returns:
        assert attribution.is_reattribution
        assert attribution.moment in starts


@law
@given(histories)
def test_a_return_is_credited_to_a_click_not_older_than_what_it_replaces(history: History) -> None:
    rules = replace(RULES, inactivity_ms=6, reattribution_window_ms=200)
    times_ms = {click.id: click.time_ms for click in history.clicks if click.app == history.app}

    for before, after in pairwise(attribute(history, rules)):
        assert times_ms[after.click_id or ""] >= before.moment.time_ms


@law
@given(histories, st.integers(1, 10))
def test_attribution_goes_on_from_any_moment(history: History, cut: int) -> None:
    signals = in_order(history.signals)
    told, rest = signals[:cut], signals[cut:]
    whole = attribute(history, RULES)
    moments = {signal.moment for signal in told}
    done = [attribution for attribution in whole if attribution.moment in moments]
    sessions = sessionize(told, RULES.session_timeout_ms)
    tail = replace(history, signals=rest, known=identity_of(told))

    last = LastActivity(told[-1].time_ms, sessions[-1] if sessions else None)
    assert (*done, *resume(tail, done[-1], last, RULES)) == whole
