"""Explains the first attribution of a user: what each click was compared with, and how far it came.

It asks the same functions as the decision (`attribution.known_at`, `waterfall.choose`), so that the
two cannot disagree. What a click lacks is named step by step.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from shared.device_ids import identifying
from shared.vocabulary import Lost, Rule
from workers.core.addresses import public_address
from workers.core.attribution import decision_context, exclusion_of, known_at
from workers.core.device_matching import Aspect, DeviceComparison, compare
from workers.core.devices import Device
from workers.core.evidence import ClickTrace, Evidence, sightings
from workers.core.history import Click, History, first_located, in_order
from workers.core.rules import Rules
from workers.core.waterfall import Choice, Match, Step, choose, first_steps

_BY_ID: Final = frozenset({Rule.CLICK_ID, Rule.DEVICE_ID, Rule.VIEW_DEVICE_ID})


class Obstacle(StrEnum):
    """The reason why a click does not match by a step of the waterfall, or cannot win by it."""

    LATER = "later_than_the_user"
    CLICK_NOT_NAMED = "click_not_named"
    CLICK_WITHOUT_DEVICE_ID = "click_without_device_id"
    USER_WITHOUT_DEVICE_ID = "user_without_device_id"
    OTHER_DEVICE_ID = "other_device_id"
    CLICK_WITHOUT_PLACE = "click_without_public_address_or_device"
    USER_WITHOUT_PLACE = "user_without_public_address_or_device"
    OTHER_ADDRESS = "other_address"
    OTHER_PLATFORM = "other_platform"
    OTHER_VERSION = "other_version"
    OTHER_MODEL = "other_model"
    CROWDED = "crowded_address"
    OUTSIDE_WINDOW = "outside_window"
    USED_UP = "used_up"


class StepExplanation(msgspec.Struct, frozen=True):
    """A rule of the waterfall, its window, and what kept the click from winning by it, if anything.

    `compared` tells what was found of the devices, where they were compared.
    """

    rule: Rule
    window_ms: int
    obstacle: Obstacle | None
    compared: str | None = None


class ClickExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """A click with its age at the user's first signal, and how far it came.

    `is_credited` and `lost` are what the decision says of it; with neither, it did not match.
    """

    click: Click
    age_ms: int
    steps: tuple[StepExplanation, ...]
    is_credited: bool
    lost: Lost | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The first attribution of a user as it follows from these facts, with every click around it.

    `address` and `device` are those of the first moment, None if they locate nobody.
    """

    at_ms: int
    rule: Rule
    click_id: str | None
    address: str | None
    device: Device | None
    device_ids: frozenset[str]
    click_ids: frozenset[str]
    clicks: tuple[ClickExplanation, ...]


def explain(history: History, rules: Rules) -> Explanation | None:
    """Explains the first attribution; None for a user without signals.

    `history.clicks` holds what a decision needs, and any others that are to be explained.
    """
    signals = in_order(history.signals)
    if not signals:
        return None
    located, at_ms = first_located(signals), signals[0].time_ms
    seen = sightings(located.address, located.device)
    context = decision_context(history, rules, history.newcomers)
    steps = first_steps(rules)
    known = known_at(context, seen, at_ms, steps, is_first=True)
    waterfall = _Waterfall(known, steps, at_ms, context.used_up(at_ms))
    choice = waterfall.choose(context.traces)
    clicks = {click.id: click for click in history.clicks if click.app == history.app}
    return Explanation(
        at_ms=at_ms,
        rule=choice.winner.rule if choice.winner else Rule.ORGANIC,
        click_id=choice.winner.trace.click_id if choice.winner else None,
        address=public_address(located.address),
        device=located.device,
        device_ids=identifying(history.identity.device_ids),
        click_ids=history.identity.click_ids,
        clicks=tuple(
            _explain_click(clicks[trace.click_id], trace, waterfall, choice.winner)
            for trace in sorted(context.traces, key=lambda trace: (-trace.time_ms, trace.click_id))
        ),
    )


class _Waterfall(msgspec.Struct, frozen=True):
    """The steps of the waterfall at a moment, with what is known of the user then."""

    known: Evidence
    steps: tuple[Step, ...]
    at_ms: int
    used_up: frozenset[str]

    def choose(self, traces: Iterable[ClickTrace]) -> Choice:
        """Chooses between these clicks alone."""
        return choose(
            traces,
            self.known,
            self.steps,
            self.at_ms,
            lambda trace: exclusion_of(trace, None),
            self.used_up,
        )


def _explain_click(
    click: Click, trace: ClickTrace, waterfall: _Waterfall, winner: Match | None
) -> ClickExplanation:
    is_credited = winner is not None and winner.trace.click_id == trace.click_id
    rivals = (trace,) if winner is None or is_credited else (trace, winner.trace)
    beaten = () if is_credited else waterfall.choose(rivals).beaten
    lost = beaten[0].lost if beaten else None
    age_ms, known = waterfall.at_ms - trace.time_ms, waterfall.known
    by_rule: dict[Rule, list[Step]] = {}
    for step in waterfall.steps:
        if step.of_views == trace.is_view:
            by_rule.setdefault(step.rule, []).append(step)
    return ClickExplanation(
        click=click,
        age_ms=age_ms,
        steps=tuple(_explain_step(trace, known, same, age_ms, lost) for same in by_rule.values()),
        is_credited=is_credited,
        lost=lost,
    )


def _explain_step(
    trace: ClickTrace, known: Evidence, steps: list[Step], age_ms: int, lost: Lost | None
) -> StepExplanation:
    """Explains the steps of one rule, of which the first that ties the click counts."""
    rule, window_ms = steps[0].rule, steps[0].window_ms
    tie = next((tie for step in steps if (tie := step.tie(known, trace)) is not None), None)
    comparison = tie.comparison if tie else _closest(trace, known)
    compared = comparison.reason if comparison and rule not in _BY_ID else None
    if age_ms < 0:
        obstacle: Obstacle | None = Obstacle.LATER
    elif tie is None:
        obstacle = _obstacle(rule, trace, known, comparison)
    elif age_ms > window_ms:
        obstacle = Obstacle.OUTSIDE_WINDOW
    elif tie.is_crowded:
        obstacle = Obstacle.CROWDED
    else:
        obstacle = Obstacle.USED_UP if lost is Lost.USED_UP else None
    return StepExplanation(rule, window_ms, obstacle, compared)


def _obstacle(
    rule: Rule, trace: ClickTrace, known: Evidence, comparison: DeviceComparison | None
) -> Obstacle:
    if rule is Rule.CLICK_ID:
        return Obstacle.CLICK_NOT_NAMED
    if rule in _BY_ID:
        if not trace.device_ids:
            return Obstacle.CLICK_WITHOUT_DEVICE_ID
        return Obstacle.OTHER_DEVICE_ID if known.device_ids else Obstacle.USER_WITHOUT_DEVICE_ID
    if not (trace.sightings and known.sightings):
        return Obstacle.USER_WITHOUT_PLACE if trace.sightings else Obstacle.CLICK_WITHOUT_PLACE
    return _difference(comparison)


def _difference(comparison: DeviceComparison | None) -> Obstacle:
    """Returns what differs, first of all the address: then nothing was compared."""
    if comparison is None:
        return Obstacle.OTHER_ADDRESS
    if comparison.platform is Aspect.DIFFERENT:
        return Obstacle.OTHER_PLATFORM
    return Obstacle.OTHER_MODEL if comparison.model is Aspect.DIFFERENT else Obstacle.OTHER_VERSION


def _closest(trace: ClickTrace, known: Evidence) -> DeviceComparison | None:
    """Returns the comparison with what was seen at the click's address that differs least."""
    comparisons = [
        compare(clicked, seen)
        for place, clicked in trace.sightings
        for seen_place, seen in known.sightings
        if place == seen_place
    ]
    return min(
        comparisons,
        key=lambda each: [each.platform, each.version, each.model].count(Aspect.DIFFERENT),
        default=None,
    )
