"""Where a user came from, through the whole of their history, and why.

A user is attributed at their first signal, of whatever kind, and again at every open that brings
them back: one that starts a session after the inactivity period, with a deterministic click of
another link or source inside the reattribution window. Every other signal belongs to the
attribution in force at its moment. A returning user is only ever taken over by a click that can be
credited, so one who was paid for never becomes organic.

Inactivity runs from the last activity of the last session; for a user who has had none, from their
first attribution. A click that is older than the attribution in force was there to be chosen when
that one was made: it cannot take the user back later, or two old clicks could pass a user to and
fro for as long as the reattribution window is longer than the inactivity.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from shared.vocabulary import Lost, Rule
from workers.core.evidence import ClickTrace, Sighting, evidence, sightings, traces_of
from workers.core.history import (
    Click,
    History,
    Identity,
    Moment,
    Origin,
    Signal,
    identity_of,
    in_order,
)
from workers.core.rules import Rules
from workers.core.sessions import Session, sessionize
from workers.core.waterfall import (
    Beaten,
    Choice,
    Step,
    choose,
    first_steps,
    return_steps,
)

# Before any moment of any history: everything is to be decided again.
BEGINNING: Final = Moment(-(2**63), "")


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a user, in force from `moment` until the next one.

    `through` is the click that lent the evidence, when the credited click was found by what that
    one knew of the visitor and not by what the user's own signals told. `beaten` holds the ten best
    of the clicks that lost; `considered` counts all, the credited one included.
    """

    moment: Moment
    rule: Rule
    click_id: str | None
    origin: Origin | None
    through: str | None
    beaten: tuple[Beaten, ...]
    considered: int
    is_reattribution: bool
    rules_version: int


def attribute(history: History, rules: Rules) -> tuple[Attribution, ...]:
    """All attributions of a user in order: the first, then one for each return to a new source.

    A history without signals has none.
    """
    signals = in_order(history.signals)
    if not signals:
        return ()
    case = DecisionContext(traces_of(history), history.identity, rules)
    first = _first(signals[0], case)
    opening = sessionize(signals[:1], rules.session_timeout_ms)
    return (first, *_returns(signals[1:], first, opening[0] if opening else None, case))


def resume(
    history: History, prior: Attribution, last_session: Session | None, rules: Rules
) -> tuple[Attribution, ...]:
    """The attributions that follow `prior`, from the part of a history after some moment.

    `history` holds the signals after that moment and, in `known`, the identity that all the others
    told; `prior` is the attribution in force at the moment, and `last_session` the user's last
    session as it stood then, None before the first. For any such moment of a history,
    `attribute(whole)` is its decisions up to the moment, then this.

    A moment between two runs (`sessions.runs`) is the easy one: no session is running there, so the
    stored ones before it are as they stood.
    """
    case = DecisionContext(traces_of(history), history.identity, rules)
    return tuple(_returns(history.signals, prior, last_session, case))


def earliest_change(
    signals: Iterable[Signal], clicks: Iterable[Click], known: Identity
) -> Moment | None:
    """From which moment on new facts can change a user's attributions; None: from none.

    Every decision before it stands. `known` is the user's identity when they were last decided: an
    id that is new to it can tie old clicks to the user, so that all is to be decided again. A new
    click can change what happened in its own millisecond or later.
    """
    signals = tuple(signals)
    if known | identity_of(signals) != known:
        return BEGINNING
    moments = [signal.moment for signal in signals]
    moments += [Moment(click.time_ms, "") for click in clicks]
    return min(moments, default=None)


def attribution_at(attributions: Sequence[Attribution], moment: Moment) -> Attribution | None:
    """The one in force at the moment; None before the first."""
    place = bisect_right(attributions, moment, key=lambda attribution: attribution.moment)
    return attributions[place - 1] if place else None


class DecisionContext(msgspec.Struct, frozen=True):
    """What all decisions about one user have in common."""

    traces: tuple[ClickTrace, ...]
    identity: Identity
    rules: Rules


def _first(signal: Signal, case: DecisionContext) -> Attribution:
    seen = sightings(signal.address, signal.device)
    choice = _choose(signal.moment, first_steps(case.rules), case, seen, standing=None)
    return _attribution(signal.moment, choice, case.rules, is_reattribution=False)


def _returns(
    signals: Iterable[Signal],
    prior: Attribution,
    last_session: Session | None,
    case: DecisionContext,
) -> Iterator[Attribution]:
    rules = case.rules
    idle_ms_min = max(rules.inactivity_ms, rules.session_timeout_ms)
    sessions = sessionize(signals, rules.session_timeout_ms, last_session)
    idle_since_ms = [session.last_activity_ms for session in sessions]
    if last_session is None:
        idle_since_ms.insert(0, prior.moment.time_ms)
    else:
        sessions = sessions[1:]
    standing = prior
    for since_ms, session in zip(idle_since_ms, sessions, strict=False):
        if session.start.time_ms - since_ms < idle_ms_min:
            continue
        choice = _choose(session.start, return_steps(rules), case, frozenset(), standing)
        if choice.winner is not None:
            standing = _attribution(session.start, choice, rules, is_reattribution=True)
            yield standing


def _choose(
    moment: Moment,
    steps: tuple[Step, ...],
    case: DecisionContext,
    seen: frozenset[Sighting],
    standing: Attribution | None,
) -> Choice:
    at_ms = moment.time_ms
    # The first step is the click id's: while a click could win by its id, it can lend by it.
    found = evidence(case.identity, seen, case.traces, at_ms, lending_ms=steps[0].window_ms)
    return choose(case.traces, found, steps, at_ms, partial(_barred, standing))


def _barred(standing: Attribution | None, trace: ClickTrace) -> Lost | None:
    if trace.origin is None:
        return Lost.NO_SOURCE
    if standing is None:
        return None
    if trace.origin == standing.origin:
        return Lost.SAME_SOURCE
    return Lost.BEFORE_STANDING if trace.time_ms < standing.moment.time_ms else None


def _attribution(
    moment: Moment, choice: Choice, rules: Rules, *, is_reattribution: bool
) -> Attribution:
    winner = choice.winner
    return Attribution(
        moment=moment,
        rule=winner.rule if winner else Rule.ORGANIC,
        click_id=winner.trace.click_id if winner else None,
        origin=winner.trace.origin if winner else None,
        through=(winner.through or None) if winner else None,
        beaten=choice.beaten,
        considered=choice.considered,
        is_reattribution=is_reattribution,
        rules_version=rules.version,
    )
