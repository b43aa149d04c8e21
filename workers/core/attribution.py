"""Attributes a user to their sources through the whole of their history, with the reasons.

A user is attributed at their first signal, of whatever kind, and reattributed at every open that
brings them back: one that starts a session after the inactivity period, with a deterministic click
of another link or source inside the reattribution window. Every other signal belongs to the
attribution in force at its moment. A returning user is only reattributed to a click that can be
credited, so a paid user never becomes organic.

Inactivity is measured from the last activity of the last session; for a user who has had no
session, from their first attribution. A click that is older than the attribution in force was a
candidate when that decision was made: it cannot win the user back later, or two old clicks could
pass a user to and fro for as long as the reattribution window is longer than the inactivity.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from shared.vocabulary import Certainty, Lost, Rule
from workers.core.crowds import crowded_places
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

# Before any moment of any history: everything is recalculated.
BEGINNING: Final = Moment(-(2**63), "")


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a user, in force from `moment` until the next attribution.

    `through` is the click that lent the evidence, when the credited click was matched by what the
    lender knew of the visitor and not by the user's own signals. `beaten` holds the ten best of the
    clicks that lost; `considered` counts all candidates, including the credited click. `compared`
    and `certainty` tell what was found of the devices where these were compared.
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
    compared: str | None = None
    certainty: Certainty | None = None


def attribute(history: History, rules: Rules) -> tuple[Attribution, ...]:
    """Returns all attributions of a user in order: the first, then one for each new source.

    A history without signals has none.
    """
    signals = in_order(history.signals)
    if not signals:
        return ()
    context = DecisionContext(traces_of(history), history.identity, rules, history.newcomers)
    moment, seen = signals[0].moment, sightings(signals[0].address, signals[0].device)
    choice = _choose(moment, first_steps(rules), context, seen, in_force=None)
    first = _attribution(moment, choice, rules, is_reattribution=False)
    opening = sessionize(signals[:1], rules.session_timeout_ms)
    return (first, *_reattributions(signals[1:], first, opening[0] if opening else None, context))


def resume(
    history: History, prior: Attribution, last_session: Session | None, rules: Rules
) -> tuple[Attribution, ...]:
    """Returns the attributions that follow `prior`, from the part of a history after a moment.

    `history` holds the signals after that moment and, in `known`, the identity from all earlier
    signals; `prior` is the attribution in force at the moment, and `last_session` the user's last
    session as of then, None before the first. For any such moment of a history, `attribute(whole)`
    is its decisions up to the moment, followed by this result.

    A moment between two runs (`sessions.runs`) is the simple case: no session is running there, so
    the stored sessions before it are final.
    """
    context = DecisionContext(traces_of(history), history.identity, rules)
    return tuple(_reattributions(history.signals, prior, last_session, context))


def earliest_change(
    signals: Iterable[Signal], clicks: Iterable[Click], known: Identity
) -> Moment | None:
    """Returns the moment from which new facts can change a user's attributions, if they can.

    Every earlier decision stays in force. `known` is the user's identity as of the last decision:
    an id that is new to it can match old clicks to the user, so that everything is recalculated. A
    new click can change what happened in its own millisecond or later.
    """
    signals = tuple(signals)
    if known | identity_of(signals) != known:
        return BEGINNING
    moments = [signal.moment for signal in signals]
    moments += [Moment(click.time_ms, "") for click in clicks]
    return min(moments, default=None)


def attribution_at(attributions: Sequence[Attribution], moment: Moment) -> Attribution | None:
    """Returns the attribution in force at the moment, None before the first."""
    index = bisect_right(attributions, moment, key=lambda attribution: attribution.moment)
    return attributions[index - 1] if index else None


class DecisionContext(msgspec.Struct, frozen=True):
    """The inputs that all decisions about a user share."""

    traces: tuple[ClickTrace, ...]
    identity: Identity
    rules: Rules
    newcomers: Mapping[str, int] = {}


def _reattributions(
    signals: Iterable[Signal],
    prior: Attribution,
    last_session: Session | None,
    context: DecisionContext,
) -> Iterator[Attribution]:
    rules = context.rules
    idle_ms_min = max(rules.inactivity_ms, rules.session_timeout_ms)
    sessions = sessionize(signals, rules.session_timeout_ms, last_session)
    idle_since_ms = [session.last_activity_ms for session in sessions]
    if last_session is None:
        idle_since_ms.insert(0, prior.moment.time_ms)
    else:
        sessions = sessions[1:]
    in_force = prior
    for since_ms, session in zip(idle_since_ms, sessions, strict=False):
        if session.start.time_ms - since_ms < idle_ms_min:
            continue
        choice = _choose(session.start, return_steps(rules), context, frozenset(), in_force)
        if choice.winner is not None:
            in_force = _attribution(session.start, choice, rules, is_reattribution=True)
            yield in_force


def _choose(
    moment: Moment,
    steps: tuple[Step, ...],
    context: DecisionContext,
    seen: frozenset[Sighting],
    in_force: Attribution | None,
) -> Choice:
    def exclusion(trace: ClickTrace) -> Lost | None:
        if trace.origin is None:
            return Lost.NO_SOURCE
        if in_force is None:
            return None
        if trace.origin == in_force.origin:
            return Lost.SAME_SOURCE
        return Lost.BEFORE_STANDING if trace.time_ms < in_force.moment.time_ms else None

    at_ms, traces = moment.time_ms, context.traces
    # The first step matches by click id: as long as a click could win by its id, it can lend by it.
    known = evidence(context.identity, seen, traces, at_ms, lending_ms=steps[0].window_ms)
    if in_force is None:
        crowded = crowded_places(known, traces, context.newcomers, at_ms, context.rules)
        known = msgspec.structs.replace(known, crowded=crowded)
    return choose(traces, known, steps, at_ms, exclusion)


def _attribution(
    moment: Moment, choice: Choice, rules: Rules, *, is_reattribution: bool
) -> Attribution:
    winner = choice.winner
    comparison = winner.tie.comparison if winner else None
    return Attribution(
        moment=moment,
        rule=winner.rule if winner else Rule.ORGANIC,
        click_id=winner.trace.click_id if winner else None,
        origin=winner.trace.origin if winner else None,
        through=(winner.tie.through or None) if winner else None,
        beaten=choice.beaten,
        considered=choice.considered,
        is_reattribution=is_reattribution,
        rules_version=rules.version,
        compared=comparison.reason if comparison else None,
        certainty=comparison.certainty if comparison else None,
    )
