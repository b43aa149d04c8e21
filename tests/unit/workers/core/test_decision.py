"""A decision is defined for every state in which its user can stand between two commits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from shared.vocabulary import Rule
from tests.unit.workers.core.build import APP, NOON_MS, SUMMER, click, event, identity_of, opened
from tests.unit.workers.core.strategies import RULES, histories
from workers.core.attribution import Attribution, attribute
from workers.core.decision import Decision, Tail, decide
from workers.core.history import History, Identity, Moment, in_order
from workers.core.rules import DAY_MS, Rules
from workers.core.sessions import Session, sessionize

HOUR_MS = 3_600_000


def _organic(time_ms: int, receipt: str) -> Attribution:
    return Attribution(
        moment=Moment(time_ms, receipt),
        rule=Rule.ORGANIC,
        click_id=None,
        origin=None,
        through=None,
        beaten=(),
        considered=0,
        is_reattribution=False,
        rules_version=1,
    )


FIRST = opened(NOON_MS)
PRIOR = _organic(NOON_MS, FIRST.receipt)
LATER = opened(NOON_MS + DAY_MS)
LATEST = event(NOON_MS + DAY_MS + 1)
VISIT = Session(start=FIRST.moment, last_activity_ms=NOON_MS)
LATER_VISIT = Session(start=LATER.moment, last_activity_ms=NOON_MS + DAY_MS)


def _tail(*signals: Any, **more: Any) -> Tail:
    usual: dict[str, Any] = {"known": Identity(), "prior": None, "last_session": None}
    return Tail(app=APP, signals=signals, **{**usual, **more})


def test_a_click_before_any_decision_and_after_every_signal_decides_nothing() -> None:
    """As it was reported: the user's facts are committed, and nobody has decided them yet."""
    tail = Tail(app="1", known=Identity(), signals=(), prior=None, last_session=None)

    assert decide(tail, (), Rules()) == Decision((), (), Identity(), None)


# Where a user stands between two commits: attributions, sessions, and the first signal that follow.
STATES: dict[str, tuple[Tail, tuple[int, int, Any]]] = {
    "no signal at all": (_tail(), (0, 0, None)),
    "no signal, but known by ids": (_tail(known=Identity(frozenset({"d"}))), (0, 0, None)),
    "the first signals": (_tail(FIRST, LATER), (1, 2, FIRST)),
    "the first signals, and no open": (_tail(LATEST), (1, 0, LATEST)),
    "decided, and nothing since": (_tail(prior=PRIOR, last_session=VISIT), (0, 0, None)),
    "decided, and signals since": (_tail(LATER, prior=PRIOR, last_session=VISIT), (0, 1, None)),
    "decided, its sessions not read": (_tail(LATER, prior=PRIOR), (0, 1, None)),
    "decided later than this tail": (
        _tail(FIRST, prior=_organic(NOON_MS + DAY_MS, "x"), last_session=LATER_VISIT),
        (0, 1, None),
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_every_state_between_two_commits_has_its_decision(state: str) -> None:
    tail, expected = STATES[state]
    clicks = (click("C1", NOON_MS + DAY_MS + HOUR_MS, SUMMER),)

    decided = decide(tail, clicks, Rules())

    assert (len(decided.attributions), len(decided.sessions), decided.first) == expected


NEWS = opened(NOON_MS + DAY_MS, device_ids={"idfa-1"})

NEEDS: dict[str, tuple[Tail, bool]] = {
    "a new user, whose first facts are all here": (_tail(FIRST), False),
    "an undecided user of whom a part is here": (_tail(LATER, has_earlier=True), True),
    "an undecided user of whom nothing is here": (_tail(has_earlier=True), True),
    "a decided user": (_tail(LATER, prior=PRIOR, has_earlier=True), False),
    "a decided user who tells a new id": (_tail(NEWS, prior=PRIOR, has_earlier=True), True),
    "a new user who tells an id": (_tail(NEWS), False),
    "a user without a signal": (_tail(), False),
}


@pytest.mark.parametrize("case", NEEDS)
def test_all_signals_are_needed_where_a_part_would_decide_otherwise(case: str) -> None:
    tail, expected = NEEDS[case]

    assert tail.needs_all is expected


@settings(max_examples=500, deadline=None)
@given(histories, histories, st.integers(0, 10), st.integers(0, 10))
def test_no_tail_of_any_history_behind_any_decision_raises(
    history: History, decided: History, told: int, standing: int
) -> None:
    """What stands may be of other facts than the tail: those of others are not decided yet."""
    attributions = attribute(decided, RULES)
    sessions = sessionize(decided.signals, RULES.session_timeout_ms)
    tail = Tail(
        app=APP,
        known=identity_of(decided.signals),
        signals=in_order(history.signals)[told:],
        prior=attributions[standing] if standing < len(attributions) else None,
        last_session=sessions[standing] if standing < len(sessions) else None,
    )

    decision = decide(tail, history.clicks, RULES)

    assert {it.moment for it in decision.attributions} <= {it.moment for it in tail.signals}
    assert {it.start for it in decision.sessions} <= {it.moment for it in tail.signals}


@settings(max_examples=300, deadline=None)
@given(histories)
def test_a_tail_of_everything_decides_as_the_whole_history(history: History) -> None:
    tail = Tail(app=APP, known=Identity(), signals=history.signals, prior=None, last_session=None)
    whole = structs.replace(history, signals=in_order(history.signals))

    decision = decide(tail, history.clicks, RULES)

    assert decision.attributions == attribute(whole, RULES)
    assert decision.first == whole.signals[0]
