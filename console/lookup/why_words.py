"""Says in sentences what an explanation found: of a user, of each click, and what it would take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.lookup.timeline_words import LOST_WORDS, RULE_WORDS
from workers.core.explanation import ClickExplanation, Explanation, Obstacle, StepExplanation

OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.LATER: "it came after the user's first call",
    Obstacle.CLICK_NOT_NAMED: "no call of the user carries its click ID",
    Obstacle.CLICK_WITHOUT_DEVICE_ID: "the click carries no device ID",
    Obstacle.USER_WITHOUT_DEVICE_ID: "no call of the user carries a device ID",
    Obstacle.OTHER_DEVICE_ID: "click and user carry different device IDs",
    Obstacle.CLICK_WITHOUT_PLACE: "the click has no public address, or nobody knows its device",
    Obstacle.USER_WITHOUT_PLACE: (
        "the user's first call has no public address, or does not say which device it is"
    ),
    Obstacle.OTHER_ADDRESS: "the click came from another address",
    Obstacle.OTHER_PLATFORM: "the same address, but another platform",
    Obstacle.OTHER_VERSION: "the same address and platform, but another version of the system",
    Obstacle.OTHER_MODEL: "the same address and platform, but another model",
    Obstacle.CROWDED: "only the platform is known to agree, and many devices are at this address",
    Obstacle.OUTSIDE_WINDOW: "it matches, but it is older than the window",
    Obstacle.USED_UP: "it matches, but it was credited to another user before",
}
# What a sender or an admin can change; the rest is another person's click.
_REMEDIES: Mapping[Obstacle, str] = {
    Obstacle.CLICK_NOT_NAMED: "a call of the user carries this click ID (as click_id)",
    Obstacle.CLICK_WITHOUT_DEVICE_ID: "the partner's link carries the device ID that the app sends",
    Obstacle.USER_WITHOUT_DEVICE_ID: "the app sends the device ID that the click carries",
    Obstacle.OTHER_DEVICE_ID: "both carry the same device ID",
    Obstacle.CLICK_WITHOUT_PLACE: "the click comes with the visitor's own address and user agent",
    Obstacle.USER_WITHOUT_PLACE: (
        "the user's first call tells their address (ip_address) and device (user_agent, or "
        "os_name, os_version and device_name)"
    ),
    Obstacle.OTHER_ADDRESS: "both come from one address",
    Obstacle.OTHER_PLATFORM: "both are of one platform",
    Obstacle.OTHER_VERSION: "both are of one version of the system",
    Obstacle.OTHER_MODEL: "both name one model",
    Obstacle.CROWDED: "version or model are known on both sides, or fewer devices are there",
    Obstacle.OUTSIDE_WINDOW: "the window is longer (Settings), or the click is younger",
    Obstacle.USED_UP: "nobody was credited with it before, or the app sets no limit (Settings)",
    Obstacle.LATER: "it came before the user's first call",
}

_OTHER_DEVICE = frozenset({Obstacle.OTHER_PLATFORM, Obstacle.OTHER_VERSION, Obstacle.OTHER_MODEL})
_TWO_DEVICES = (
    "or nothing: devices that describe themselves so differently are two, unless the app describes "
    "its own wrongly"
)


@dataclass(frozen=True)
class StepAnswer:
    """A rule of the waterfall and its window, in words, and what the click lacks for it."""

    rule: str
    window: str
    result: str
    obstacle: str | None
    compared: str | None


@dataclass(frozen=True)
class ClickAnswer:
    """A click, how far it came, and what would have had to be different for it to count."""

    click_id: str
    kind: str
    event_time: datetime
    origin: str | None
    age: str
    outcome: str
    steps: list[StepAnswer]
    needed: list[str]


def describe_facts(explanation: Explanation) -> list[str]:
    """Returns what is known of the user at their first call."""
    device = explanation.device
    parts = (device.os, device.os_version, device.family) if device is not None else ()
    known = ", ".join(part for part in parts if part)
    return [
        f"address {explanation.address}"
        if explanation.address
        else "no public address in the first call, so no click can match by address",
        f"device: {known}" if known else "device unknown, so no click can match by address",
        _count(len(explanation.device_ids), "device ID", "device IDs"),
        _count(len(explanation.click_ids), "click ID named", "click IDs named"),
    ]


def describe_click(explained: ClickExplanation, origin: str | None) -> ClickAnswer:
    click, age_ms = explained.click, explained.age_ms
    return ClickAnswer(
        click_id=click.id,
        kind="impression" if click.is_view else "click",
        event_time=datetime.fromtimestamp(click.time_ms / 1000, UTC),
        origin=origin,
        age=f"{duration(abs(age_ms))} {'after' if age_ms < 0 else 'before'} the first call",
        outcome=_outcome(explained),
        steps=[_describe_step(step) for step in explained.steps],
        needed=list(_needed(explained)),
    )


def duration(milliseconds: int) -> str:
    """Writes a time span in its two largest units: "6 h", "2 d 3 h", "41 min 5 s"."""
    seconds = int(timedelta(milliseconds=milliseconds).total_seconds())
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'no'} {one if number == 1 else many}"


def _outcome(explained: ClickExplanation) -> str:
    if explained.is_credited:
        return "credited"
    if explained.lost is not None:
        return f"matched and lost: {LOST_WORDS[explained.lost]}"
    return "did not match"


def _describe_step(step: StepExplanation) -> StepAnswer:
    obstacle = None if step.obstacle is None else OBSTACLES[step.obstacle]
    return StepAnswer(
        RULE_WORDS[step.rule],
        duration(step.window_ms),
        "matches" if obstacle is None else obstacle,
        None if step.obstacle is None else str(step.obstacle),
        step.compared,
    )


def _needed(explained: ClickExplanation) -> Iterator[str]:
    """Yields what would have had to differ, one alternative for each rule."""
    if explained.is_credited:
        return
    if explained.click.origin is None:
        yield "the click goes through a link, or names a source (utm_source, gclid)"
        return
    if explained.age_ms < 0:
        yield _REMEDIES[Obstacle.LATER]
        return
    if any(step.obstacle is None for step in explained.steps):
        yield "the click that was credited had not come"
        return
    for step in explained.steps:
        if step.obstacle is not None:
            yield f"by {RULE_WORDS[step.rule]}: {_REMEDIES[step.obstacle]}"
    if any(step.obstacle in _OTHER_DEVICE for step in explained.steps):
        yield _TWO_DEVICES
