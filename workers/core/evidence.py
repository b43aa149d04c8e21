"""What ties a click to a user.

Who a user is does not depend on the moment: a device id or click id that any of their calls carried
is theirs throughout. So a `purchase` without ids that comes a second before the `__open` with all
of them, or in the same millisecond, is not lost to organic. Where a user is does depend on it: the
address is that of the deciding signal alone.

A click that names no origin lends. Such a click is made by an app's server for a visitor who just
came, and the user is then known by its id. It may not be credited, but what it saw of the visitor
(address, device, device ids) counts as if the deciding signal had carried it, so that a partner's
click of the same visitor is found through it. Three limits keep that honest: only a click that the
user names by its id lends, and only while it is inside the window for that; it lends what it
carried itself, and what is found through it lends nothing further; every window is measured to the
deciding signal, never to the lender.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from shared.device_ids import identifying
from workers.core.addresses import public_address
from workers.core.devices import Device
from workers.core.history import Click, History, Identity, Origin

Sighting = tuple[str, Device]
Mark = TypeVar("Mark", bound=Hashable)

# In place of a lender's id: the user themselves. It sorts before every id, so own evidence is
# preferred to borrowed.
THEMSELVES: Final = ""


class ClickTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A click of this app, read for what it can prove."""

    click_id: str
    time_ms: int
    origin: Origin | None
    device_ids: frozenset[str]
    sightings: frozenset[Sighting]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a user can be recognised by at one moment, each with the click that lent it."""

    click_ids: Mapping[str, str]
    device_ids: Mapping[str, str]
    sightings: Mapping[Sighting, str]


def traces_of(history: History) -> tuple[ClickTrace, ...]:
    """The clicks of the history's own app, each id once.

    Other apps' clicks go first: one with an id that this app also has must not displace it.
    """
    clicks = {click.id: click for click in history.clicks if click.app == history.app}
    return tuple(_trace(click) for click in clicks.values())


def evidence(
    identity: Identity,
    seen: frozenset[Sighting],
    traces: Iterable[ClickTrace],
    at_ms: int,
    lending_ms: int,
) -> Evidence:
    """The user's own marks, and those lent by the clicks that they name, `lending_ms` old at most.

    `seen` is where the deciding signal, of `at_ms`, shows the user to be.
    """
    device_ids: dict[str, str] = {}
    places: dict[Sighting, str] = {}
    for trace in sorted(traces, key=lambda trace: trace.click_id, reverse=True):
        if _lends(trace, identity) and 0 <= at_ms - trace.time_ms <= lending_ms:
            device_ids |= dict.fromkeys(trace.device_ids, trace.click_id)
            places |= dict.fromkeys(trace.sightings, trace.click_id)
    return Evidence(
        click_ids=dict.fromkeys(identity.click_ids, THEMSELVES),
        device_ids=device_ids | dict.fromkeys(identity.device_ids, THEMSELVES),
        sightings=places | dict.fromkeys(seen, THEMSELVES),
    )


def sightings(address: str | None, device: Device | None) -> frozenset[Sighting]:
    """The device seen at the address, if both can tell one visitor from another; else nothing."""
    place = public_address(address)
    if place is None or device is None or not device.tells_people_apart:
        return frozenset()
    return frozenset({(place, device)})


def lender_among(marks: Iterable[Mark], known: Mapping[Mark, str]) -> str | None:
    """Through whom one of the marks is known: THEMSELVES, a click's id, or None: it is not."""
    return min((known[mark] for mark in marks if mark in known), default=None)


def _lends(trace: ClickTrace, identity: Identity) -> bool:
    return trace.origin is None and trace.click_id in identity.click_ids


def _trace(click: Click) -> ClickTrace:
    return ClickTrace(
        click_id=click.id,
        time_ms=click.time_ms,
        origin=click.origin,
        device_ids=identifying(click.device_ids),
        sightings=sightings(click.address, click.device),
    )
