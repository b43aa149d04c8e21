"""Chooses between clicks by steps in order, and records why each of the others lost.

A step is a way in which a click can match a user, and the age up to which the match counts. The
first step that has an eligible click decides; within it the latest click wins, and of two clicks in
the same millisecond the one with the smaller id. A click exactly as old as the window, to the
millisecond, is inside. A click later than the signal is no candidate, nor is one of another app:
neither appears among the beaten, since a fact from elsewhere or from later must change nothing.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from shared.vocabulary import Lost, Rule
from workers.core.device_matching import DeviceVerdict
from workers.core.evidence import ClickTrace, Evidence, Tie, seen_alike, shared_feature
from workers.core.rules import CLICK_AGE_MS_MAX, Rules

BEATEN_MAX: Final = 10


class Beaten(msgspec.Struct, frozen=True):
    """A click that matched and lost, with the rule it matched by and the reason."""

    click_id: str
    rule: Rule
    lost: Lost


class Step(msgspec.Struct, frozen=True):
    """A rule of the waterfall, with its window.

    `tie` returns how a click matches the user, None if it does not. Up to `reach_ms` a click that
    is too old is still a candidate, so that the decision can report it.
    """

    rule: Rule
    tie: Callable[[Evidence, ClickTrace], Tie | None]
    window_ms: int
    reach_ms: int


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A click with the step that matches it to the user, and the reason if it cannot win."""

    trace: ClickTrace
    rank: int
    rule: Rule
    tie: Tie
    lost: Lost | None

    def lost_to(self, best: "Match") -> Lost:
        """Returns the reason why this eligible match lost to a better one."""
        if self.rank > best.rank:
            return Lost.LESS_CERTAIN if self.rule is best.rule else Lost.WEAKER_RULE
        if self.trace.time_ms < best.trace.time_ms:
            return Lost.EARLIER
        return Lost.LARGER_ID


class Choice(msgspec.Struct, frozen=True):
    """The winner if there is one, the ten best of the others, and the number of candidates."""

    winner: Match | None
    beaten: tuple[Beaten, ...]
    considered: int


def first_steps(rules: Rules) -> tuple[Step, ...]:
    """Returns the waterfall of a user's first signal.

    Impressions belong after these steps, by device id and then by sighting: any click comes before
    any view.
    """
    address_ms = rules.click_probabilistic_ms
    return (
        *_deterministic(rules.click_deterministic_ms),
        _by_address(DeviceVerdict.SAME, address_ms),
        _by_address(DeviceVerdict.CANNOT_TELL, address_ms),
    )


def return_steps(rules: Rules) -> tuple[Step, ...]:
    """Returns the waterfall of a returning user, whom an address is not enough to reattribute."""
    return _deterministic(rules.reattribution_window_ms)


def choose(
    traces: Iterable[ClickTrace],
    evidence: Evidence,
    steps: tuple[Step, ...],
    at_ms: int,
    exclusion: Callable[[ClickTrace], Lost | None],
) -> Choice:
    """Evaluates every click for a signal of `at_ms` and picks the best.

    `exclusion` returns the reason why a click cannot win however it matches, if there is one.
    """
    candidates = (_match(trace, evidence, steps, at_ms, exclusion(trace)) for trace in traces)
    matches = sorted(
        (match for match in candidates if match is not None),
        key=lambda match: (
            match.lost is not None,
            match.rank,
            -match.trace.time_ms,
            match.trace.click_id,
        ),
    )
    if not matches:
        return Choice(None, (), 0)
    best = matches[0]
    winner = best if best.lost is None else None
    others = matches[1:] if winner else matches
    beaten = tuple(
        Beaten(match.trace.click_id, match.rule, match.lost or match.lost_to(best))
        for match in others[:BEATEN_MAX]
    )
    return Choice(winner, beaten, len(matches))


def _by_address(verdict: DeviceVerdict, window_ms: int) -> Step:
    """Builds a step that reaches its window and no further: an address may own too many clicks."""
    return Step(
        Rule.ADDRESS_AND_DEVICE,
        lambda evidence, trace: seen_alike(evidence, trace, verdict),
        window_ms=window_ms,
        reach_ms=window_ms,
    )


def _deterministic(window_ms: int) -> tuple[Step, ...]:
    return (
        Step(
            Rule.CLICK_ID,
            lambda evidence, trace: shared_feature((trace.click_id,), evidence.click_ids),
            window_ms=window_ms,
            reach_ms=CLICK_AGE_MS_MAX,
        ),
        Step(
            Rule.DEVICE_ID,
            lambda evidence, trace: shared_feature(trace.device_ids, evidence.device_ids),
            window_ms=window_ms,
            reach_ms=CLICK_AGE_MS_MAX,
        ),
    )


def _match(
    trace: ClickTrace, evidence: Evidence, steps: tuple[Step, ...], at_ms: int, reason: Lost | None
) -> Match | None:
    """Finds the first step inside whose window the click is, else the first that matches at all."""
    age_ms = at_ms - trace.time_ms
    too_old: Match | None = None
    for rank, step in enumerate(steps):
        tie = step.tie(evidence, trace) if 0 <= age_ms <= step.reach_ms else None
        if tie is None:
            continue
        is_inside = age_ms <= step.window_ms
        lost = reason or (None if is_inside else Lost.OUTSIDE_WINDOW)
        lost = lost or (Lost.CROWDED if tie.is_crowded else None)
        match = Match(trace=trace, rank=rank, rule=step.rule, tie=tie, lost=lost)
        if is_inside:
            return match
        too_old = too_old or match
    return too_old
