"""Chooses between clicks by steps in order, and records why each of the others lost.

A step is a way in which a click can match a user, and the age up to which the match counts. The
first step that has an eligible click decides; within it the latest click wins, and of two clicks in
the same millisecond the one with the smaller id. A click exactly as old as the window, to the
millisecond, is inside. A click later than the signal is no candidate, nor is one of another app:
neither appears among the beaten, since a fact from elsewhere or from later must change nothing.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from itertools import takewhile
from typing import Final

import msgspec

from shared.vocabulary import Lost, Rule
from workers.core.device_matching import DeviceVerdict
from workers.core.evidence import ClickTrace, Evidence, Tie, seen_alike, shared_feature
from workers.core.rules import CLICK_AGE_MS_MAX, Rules

BEATEN_MAX: Final = 10
_MATCHES: Final = (DeviceVerdict.SAME, DeviceVerdict.CANNOT_TELL)


class Beaten(msgspec.Struct, frozen=True):
    """A click that matched and lost, with the rule it matched by and the reason."""

    click_id: str
    rule: Rule
    lost: Lost


class Step(msgspec.Struct, frozen=True):
    """A rule of the waterfall, with its window.

    `tie` returns how a click matches the user, None if it does not. Up to `reach_ms` a click that
    is too old is still a candidate, so that the decision can report it. A step `of_views` matches
    impressions alone, any other clicks alone.
    """

    rule: Rule
    tie: Callable[[Evidence, ClickTrace], Tie | None]
    window_ms: int
    reach_ms: int
    of_views: bool = False


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
    """The winner if there is one, the ten best of the others, and the number of candidates.

    `passed` are the clicks that would have won and are used up, the best first.
    """

    winner: Match | None
    beaten: tuple[Beaten, ...]
    considered: int
    passed: tuple[str, ...] = ()


NOTHING_CHOSEN: Final = Choice(None, (), 0)


@lru_cache(maxsize=256)  # by the rules of apps: the steps of a user took 2 % of a drain's CPU
def first_steps(rules: Rules) -> tuple[Step, ...]:
    """Returns the waterfall of a user's first signal: any click comes before any impression."""
    address_ms, view_address_ms = rules.click_probabilistic_ms, rules.view_probabilistic_ms
    views: list[Step] = []
    if rules.view_device_id_ms:
        views.append(_by_device_id(rules.view_device_id_ms, of_views=True))
    if view_address_ms:
        views += (_by_address(verdict, view_address_ms, of_views=True) for verdict in _MATCHES)
    return (
        *_deterministic(rules.click_deterministic_ms),
        *(_by_address(verdict, address_ms) for verdict in _MATCHES),
        *views,
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
    used_up: Collection[str] = (),
) -> Choice:
    """Evaluates every click for a signal of `at_ms` and picks the best that is not `used_up`.

    `exclusion` returns the reason why a click cannot win however it matches, if there is one. Only
    of clicks before the winner does it matter whether they are used up.
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
        return NOTHING_CHOSEN
    eligible = [match for match in matches if match.lost is None]
    ahead = takewhile(lambda match: match.trace.click_id in used_up, eligible)
    passed = tuple(match.trace.click_id for match in ahead)
    winner = eligible[len(passed)] if len(passed) < len(eligible) else None
    others = [match for match in matches[: BEATEN_MAX + 1] if match is not winner]
    beaten = tuple(
        Beaten(match.trace.click_id, match.rule, _reason(match, winner, passed))
        for match in others[:BEATEN_MAX]
    )
    return Choice(winner, beaten, len(matches), passed)


def _reason(match: Match, winner: Match | None, passed: Collection[str]) -> Lost:
    if winner is None or match.trace.click_id in passed:
        return match.lost or Lost.USED_UP
    return match.lost or match.lost_to(winner)


def _by_address(verdict: DeviceVerdict, window_ms: int, *, of_views: bool = False) -> Step:
    """Outside the window is out of reach: an address can own more clicks than can be read."""
    return Step(
        Rule.VIEW_ADDRESS_AND_DEVICE if of_views else Rule.ADDRESS_AND_DEVICE,
        lambda evidence, trace: seen_alike(evidence, trace, verdict),
        window_ms=window_ms,
        reach_ms=window_ms,
        of_views=of_views,
    )


def _by_device_id(window_ms: int, *, of_views: bool = False) -> Step:
    """Reports clicks that are too old; of impressions there are too many to read."""
    return Step(
        Rule.VIEW_DEVICE_ID if of_views else Rule.DEVICE_ID,
        lambda evidence, trace: shared_feature(trace.device_ids, evidence.device_ids),
        window_ms=window_ms,
        reach_ms=window_ms if of_views else CLICK_AGE_MS_MAX,
        of_views=of_views,
    )


def _deterministic(window_ms: int) -> tuple[Step, ...]:
    by_click_id = Step(
        Rule.CLICK_ID,
        lambda evidence, trace: shared_feature((trace.click_id,), evidence.click_ids),
        window_ms=window_ms,
        reach_ms=CLICK_AGE_MS_MAX,
    )
    return by_click_id, _by_device_id(window_ms)


def _match(
    trace: ClickTrace, evidence: Evidence, steps: tuple[Step, ...], at_ms: int, reason: Lost | None
) -> Match | None:
    """Finds the first step inside whose window the click is, else the first that matches at all."""
    age_ms = at_ms - trace.time_ms
    too_old: Match | None = None
    for rank, step in enumerate(steps):
        is_due = step.of_views == trace.is_view and 0 <= age_ms <= step.reach_ms
        tie = step.tie(evidence, trace) if is_due else None
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
