"""One choice between clicks: the steps in order, and why each click but one lost.

A step is a way in which a click can be tied to a user, and the age up to which the tie counts. The
first step that has an eligible click decides; within it the latest click wins, and of two in the
same millisecond the one with the smaller id. A click as old as the window, to the millisecond, is
inside; one later than the signal is no candidate, nor is one of another app: neither appears among
the beaten, since a fact from elsewhere or from later must change nothing.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from shared.vocabulary import Lost, Rule
from workers.core.evidence import ClickTrace, Evidence, lender_among
from workers.core.rules import CLICK_AGE_MS_MAX, Rules

BEATEN_MAX: Final = 10


class Beaten(msgspec.Struct, frozen=True):
    click_id: str
    rule: Rule
    lost: Lost


class Step(msgspec.Struct, frozen=True):
    """`through` answers by whom a click is tied to the user, None if it is not (`lender_among`).

    Up to `reach_ms` a click that is too old is still a candidate, so that a decision can say so.
    """

    rule: Rule
    through: Callable[[Evidence, ClickTrace], str | None]
    window_ms: int
    reach_ms: int


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A click with the step that ties it to the user, and why it may not win, if it may not."""

    trace: ClickTrace
    rank: int
    rule: Rule
    through: str
    lost: Lost | None


class Choice(msgspec.Struct, frozen=True):
    """The winner if there is one, the ten best of the others, and how many there were in all."""

    winner: Match | None
    beaten: tuple[Beaten, ...]
    considered: int


def first_steps(rules: Rules) -> tuple[Step, ...]:
    """The waterfall of a user's first signal.

    Impressions have their place after these, by device id and then by sighting: any click comes
    before any view.
    """
    address_ms = rules.click_probabilistic_ms
    return (
        *_deterministic(rules.click_deterministic_ms),
        # Out of the window is out of reach: one address can own more clicks than can be read.
        Step(Rule.ADDRESS_AND_DEVICE, _by_sighting, address_ms, address_ms),
    )


def return_steps(rules: Rules) -> tuple[Step, ...]:
    """The waterfall of a user who comes back: an address is not enough to take them over."""
    return _deterministic(rules.reattribution_window_ms)


def choose(
    traces: Iterable[ClickTrace],
    evidence: Evidence,
    steps: tuple[Step, ...],
    at_ms: int,
    barred: Callable[[ClickTrace], Lost | None],
) -> Choice:
    """Weigh every click for a signal of `at_ms`. `barred` says which are out whatever ties them."""
    found = (_match(trace, evidence, steps, at_ms, barred(trace)) for trace in traces)
    matches = sorted((match for match in found if match is not None), key=_merit)
    if not matches:
        return Choice(None, (), 0)
    best = matches[0]
    winner = best if best.lost is None else None
    others = matches[1:] if winner else matches
    beaten = tuple(_beaten(match, best) for match in others[:BEATEN_MAX])
    return Choice(winner, beaten, len(matches))


def _deterministic(window_ms: int) -> tuple[Step, ...]:
    return (
        Step(Rule.CLICK_ID, _by_click_id, window_ms, CLICK_AGE_MS_MAX),
        Step(Rule.DEVICE_ID, _by_device_id, window_ms, CLICK_AGE_MS_MAX),
    )


def _by_click_id(evidence: Evidence, trace: ClickTrace) -> str | None:
    return lender_among((trace.click_id,), evidence.click_ids)


def _by_device_id(evidence: Evidence, trace: ClickTrace) -> str | None:
    return lender_among(trace.device_ids, evidence.device_ids)


def _by_sighting(evidence: Evidence, trace: ClickTrace) -> str | None:
    return lender_among(trace.sightings, evidence.sightings)


def _match(
    trace: ClickTrace, evidence: Evidence, steps: tuple[Step, ...], at_ms: int, barred: Lost | None
) -> Match | None:
    """The first step inside whose window the click is; else the first that ties it at all."""
    age_ms = at_ms - trace.time_ms
    too_old: Match | None = None
    for rank, step in enumerate(steps):
        through = step.through(evidence, trace) if 0 <= age_ms <= step.reach_ms else None
        if through is None:
            continue
        is_inside = age_ms <= step.window_ms
        lost = barred or (None if is_inside else Lost.OUTSIDE_WINDOW)
        match = Match(trace=trace, rank=rank, rule=step.rule, through=through, lost=lost)
        if is_inside:
            return match
        too_old = too_old or match
    return too_old


def _merit(match: Match) -> tuple[bool, int, int, str]:
    return (match.lost is not None, match.rank, -match.trace.time_ms, match.trace.click_id)


def _beaten(match: Match, best: Match) -> Beaten:
    return Beaten(match.trace.click_id, match.rule, match.lost or _why(match, best))


def _why(match: Match, best: Match) -> Lost:
    """Why an eligible match, of which there is a better one, did not win."""
    if match.rank > best.rank:
        return Lost.WEAKER_RULE
    if match.trace.time_ms < best.trace.time_ms:
        return Lost.EARLIER
    return Lost.LARGER_ID
