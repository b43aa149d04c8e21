"""Attributes a user to their sources through the whole of their history, with the reasons.

A user is attributed at their first signal, of whatever kind, and reattributed at every open that
brings them back: one that starts a session after the inactivity period, where the last
deterministic click inside the reattribution window is of another link or source. Every other signal
belongs to the attribution in force at its moment. A returning user is only reattributed to a click
that can be credited, so a paid user never becomes organic.

Inactivity is measured from the last activity of any kind: who is charged or earns revenue every day
is not away, whether or not they open the app. A click that is older than the attribution in force
was a candidate when that decision was made: it cannot win the user back later, or two old clicks
could pass a user to and fro for as long as the reattribution window is longer than the inactivity.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from shared.vocabulary import Certainty, Lost, Rule
from workers.core.crowds import crowded_places
from workers.core.evidence import ClickTrace, Evidence, Sighting, evidence, sightings, traces_of
from workers.core.history import (
    History,
    Identity,
    Moment,
    OrderedSignals,
    Origin,
    Signal,
    first_located,
    in_order,
)
from workers.core.rules import Rules
from workers.core.sessions import Session, sessionize
from workers.core.uses import ClickUse
from workers.core.waterfall import (
    NOTHING_CHOSEN,
    Beaten,
    Choice,
    Step,
    choose,
    first_steps,
    return_steps,
)


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


def attribute(
    history: History, rules: Rules, uses: list[ClickUse] | None = None
) -> tuple[Attribution, ...]:
    """Returns all attributions of a user in order: the first, then one for each new source.

    A history without signals has none. Adds the clicks that they depend on to `uses`.
    """
    signals = in_order(history.signals)
    if not signals:
        return ()
    context = decision_context(history, rules, history.newcomers)
    located = first_located(signals)
    moment, seen = signals[0].moment, sightings(located.address, located.device)
    choice = _choose(moment, first_steps(rules), context, seen, in_force=None)
    first = _attribution(moment, choice, rules, is_reattribution=False)
    _note_uses(uses, rules, moment, choice, is_credited=True)
    if not context.traces:  # no click can bring the user back
        return (first,)
    opening = sessionize(signals[:1], rules.session_timeout_ms)
    last = LastActivity(signals[0].time_ms, opening[0] if opening else None)
    later = OrderedSignals(signals[1:])
    return (first, *_reattributions(later, first, last, context, uses))


class LastActivity(msgspec.Struct, frozen=True):
    """The time of a user's last signal before some moment, and their last session as of then."""

    time_ms: int
    session: Session | None = None


def resume(
    history: History,
    prior: Attribution,
    last: LastActivity,
    rules: Rules,
    uses: list[ClickUse] | None = None,
) -> tuple[Attribution, ...]:
    """Returns the attributions that follow `prior`, from the part of a history after a moment.

    `history` holds the signals after that moment and, in `known`, the identity from all earlier
    signals; `prior` is the attribution in force at the moment, and `last` the user's activity
    before it. For any such moment of a history, `attribute(whole)`
    is its decisions up to the moment, followed by this result.

    A moment between two runs (`sessions.runs`) is the simple case: no session is running there, so
    the stored sessions before it are final.
    """
    context = decision_context(history, rules, {})
    if not context.traces:
        return ()
    return tuple(_reattributions(history.signals, prior, last, context, uses))


def attribution_at(attributions: Sequence[Attribution], moment: Moment) -> Attribution | None:
    """Returns the attribution in force at the moment, None before the first.

    It is in force for all of its millisecond: no two of a user's share one.
    """
    if attributions and attributions[-1].moment.time_ms <= moment.time_ms:  # most moments
        return attributions[-1]
    index = bisect_right(attributions, moment.time_ms, key=lambda each: each.moment.time_ms)
    return attributions[index - 1] if index else None


class DecisionContext(msgspec.Struct, frozen=True):
    """The inputs that all decisions about a user share."""

    traces: tuple[ClickTrace, ...]
    identity: Identity
    rules: Rules
    newcomers: Mapping[str, int] = {}
    used_from_ms: Mapping[str, int] = {}

    def used_up(self, at_ms: int) -> frozenset[str]:
        """Returns the clicks that are used up for the user at a moment."""
        return frozenset(click for click, from_ms in self.used_from_ms.items() if from_ms <= at_ms)


def decision_context(
    history: History, rules: Rules, newcomers: Mapping[str, int]
) -> DecisionContext:
    """Reduces a history to what decisions about its user share."""
    used = history.used_from_ms if rules.click_users_max else {}
    return DecisionContext(traces_of(history), history.identity, rules, newcomers, used)


def _note_uses(
    uses: list[ClickUse] | None,
    rules: Rules,
    moment: Moment,
    choice: Choice,
    *,
    is_credited: bool,
) -> None:
    if uses is None or not rules.click_users_max:
        return
    uses += (ClickUse(click_id, moment.time_ms, False) for click_id in choice.passed)
    if choice.winner is not None:
        uses.append(ClickUse(choice.winner.trace.click_id, moment.time_ms, is_credited))


def _reattributions(
    signals: Iterable[Signal],
    prior: Attribution,
    last: LastActivity,
    context: DecisionContext,
    uses: list[ClickUse] | None,
) -> Iterator[Attribution]:
    rules = context.rules
    idle_ms_min = max(rules.inactivity_ms, rules.session_timeout_ms)
    ordered = in_order(signals)
    sessions = sessionize(ordered, rules.session_timeout_ms, last.session)
    starts = {session.start.receipt for session in sessions}
    in_force, active_ms = prior, last.time_ms
    for signal in ordered:
        idle_ms, active_ms = signal.time_ms - active_ms, signal.time_ms
        if signal.receipt not in starts or idle_ms < idle_ms_min:
            continue
        choice = _choose(signal.moment, return_steps(rules), context, frozenset(), in_force)
        # The last touch decides: where it is one of the source in force, the user stays with it.
        is_new = choice.winner is not None and choice.winner.trace.origin != in_force.origin
        _note_uses(uses, rules, signal.moment, choice, is_credited=is_new)
        if is_new:
            in_force = _attribution(signal.moment, choice, rules, is_reattribution=True)
            yield in_force


def _choose(
    moment: Moment,
    steps: tuple[Step, ...],
    context: DecisionContext,
    seen: frozenset[Sighting],
    in_force: Attribution | None,
) -> Choice:
    if not context.traces:
        return NOTHING_CHOSEN
    at_ms = moment.time_ms
    known = known_at(context, seen, at_ms, steps, is_first=in_force is None)
    return choose(
        context.traces,
        known,
        steps,
        at_ms,
        lambda trace: exclusion_of(trace, in_force),
        context.used_up(at_ms),
    )


def known_at(
    context: DecisionContext,
    seen: frozenset[Sighting],
    at_ms: int,
    steps: tuple[Step, ...],
    *,
    is_first: bool,
) -> Evidence:
    """Returns what identifies the user at a moment: at the first also where too many others are."""
    traces = context.traces
    # The first step matches by click id: as long as a click could win by its id, it can lend by it.
    known = evidence(context.identity, seen, traces, at_ms, lending_ms=steps[0].window_ms)
    if is_first and traces and known.sightings:
        crowded = crowded_places(known, traces, context.newcomers, at_ms, context.rules)
        known = msgspec.structs.replace(known, crowded=crowded)
    return known


def exclusion_of(trace: ClickTrace, in_force: Attribution | None) -> Lost | None:
    """Returns the reason why a click cannot win however it matches, if there is one."""
    if trace.origin is None:
        return Lost.NO_SOURCE
    is_before = in_force is not None and trace.time_ms < in_force.moment.time_ms
    return Lost.BEFORE_STANDING if is_before else None


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
