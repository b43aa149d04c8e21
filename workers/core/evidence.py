"""Collects the evidence that matches clicks to a user.

Identity is independent of time: a device id or click id that any of a user's calls carried is
theirs throughout. So a `purchase` without ids that arrives a second before the `__open` with all of
them, or in the same millisecond, does not become organic. Location depends on time: only the
address of the deciding signal counts.

A click without an origin lends evidence. Such a click is created by an app's server for a visitor
who just arrived, and the user is then known by its id. It cannot be credited, but what it saw of
the visitor (address, device, device ids) counts as if the deciding signal had carried it, so that a
partner's click of the same visitor is found through it. Three limits keep that reliable: only a
click that the user names by its id lends, and only while it is inside the window for that; it lends
what it carried itself, and a click found through it lends nothing further; every window is measured
to the deciding signal, never to the lender.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from shared.device_ids import identifying
from workers.core.addresses import public_address
from workers.core.device_matching import DeviceComparison, DeviceVerdict, compare
from workers.core.devices import Device
from workers.core.history import History, Identity, Origin

Sighting = tuple[str, Device]
Feature = TypeVar("Feature", bound=Hashable)

# The user themselves, in place of a lender's id. It sorts before every id, so the user's own
# evidence is preferred to lent evidence.
THEMSELVES: Final = ""


class ClickTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A click of this app, reduced to what it can prove."""

    click_id: str
    time_ms: int
    origin: Origin | None
    device_ids: frozenset[str]
    sightings: frozenset[Sighting]
    is_view: bool = False


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The features that identify a user at a moment, each with the click that lent it.

    `crowded` are the addresses behind which too many devices were seen (`crowds.crowded_places`).
    """

    click_ids: Mapping[str, str]
    device_ids: Mapping[str, str]
    sightings: Mapping[Sighting, str]
    crowded: frozenset[str] = frozenset()


class Tie(msgspec.Struct, frozen=True):
    """Through whom a click matches a user, and what was compared if devices were.

    `is_crowded`: the devices cannot be told apart, and there are too many behind the address.
    """

    through: str
    comparison: DeviceComparison | None = None
    is_crowded: bool = False

    @property
    def is_same_device(self) -> bool:
        """Tells whether devices were compared and are the same."""
        return self.comparison is not None and self.comparison.verdict is DeviceVerdict.SAME


def traces_of(history: History) -> tuple[ClickTrace, ...]:
    """Returns the clicks of the history's own app, each id once.

    Clicks of other apps are dropped first: one with an id that this app also has must not displace
    this app's click.
    """
    if not history.clicks:  # most users
        return ()
    clicks = {click.id: click for click in history.clicks if click.app == history.app}
    return tuple(
        ClickTrace(
            click_id=click.id,
            time_ms=click.time_ms,
            origin=click.origin,
            device_ids=identifying(click.device_ids) - history.wide.device_ids,
            sightings=sightings(click.address, click.device),
            is_view=click.is_view,
        )
        for click in clicks.values()
    )


def evidence(
    identity: Identity,
    seen: frozenset[Sighting],
    traces: Iterable[ClickTrace],
    at_ms: int,
    lending_ms: int,
) -> Evidence:
    """Collects the user's own features, and those lent by the clicks that they name.

    A lender is at most `lending_ms` old. `seen` holds the address and device of the deciding
    signal, whose time is `at_ms`.
    """
    device_ids: dict[str, str] = {}
    places: dict[Sighting, str] = {}
    for trace in sorted(traces, key=lambda trace: trace.click_id, reverse=True):
        is_named = not trace.is_view and trace.click_id in identity.click_ids
        if is_named and trace.origin is None and 0 <= at_ms - trace.time_ms <= lending_ms:
            device_ids |= dict.fromkeys(trace.device_ids, trace.click_id)
            places |= dict.fromkeys(trace.sightings, trace.click_id)
    return Evidence(
        click_ids=dict.fromkeys(identity.click_ids, THEMSELVES),
        device_ids=device_ids | dict.fromkeys(identity.device_ids, THEMSELVES),
        sightings=places | dict.fromkeys(seen, THEMSELVES),
    )


def sightings(address: str | None, device: Device | None) -> frozenset[Sighting]:
    """Pairs the address and the device, if both can tell visitors apart; else returns nothing."""
    place = public_address(address)
    if place is None or device is None or not device.tells_people_apart:
        return frozenset()
    return frozenset({(place, device)})


def shared_feature(features: Iterable[Feature], known: Mapping[Feature, str]) -> Tie | None:
    """Returns who a feature is known through: THEMSELVES or a click's id; None if unknown."""
    lenders = [known[feature] for feature in features if feature in known]
    return Tie(min(lenders)) if lenders else None


def seen_alike(evidence: Evidence, trace: ClickTrace, verdict: DeviceVerdict) -> Tie | None:
    """Returns how the click's device compares with one that was seen at its address.

    None where the closest of them is not of this verdict: what is told apart or found to be the
    same through one of several devices needs no other.
    """
    ties = [
        Tie(
            lender,
            comparison,
            comparison.verdict is DeviceVerdict.CANNOT_TELL and place in evidence.crowded,
        )
        for place, clicked in trace.sightings
        for (seen_place, seen), lender in evidence.sightings.items()
        if place == seen_place
        and (comparison := compare(clicked, seen)).verdict is not DeviceVerdict.DIFFERENT
    ]
    # Those that are the same come first.
    closest = min(ties, key=lambda tie: (not tie.is_same_device, tie.through), default=None)
    if closest is None or closest.comparison is None or closest.comparison.verdict is not verdict:
        return None
    return closest
