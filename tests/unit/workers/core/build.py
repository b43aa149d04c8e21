"""Builders for histories: a fact a line, with only what a test is about spelt out."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from workers.core.devices import Device
from workers.core.history import (
    Click,
    History,
    Identity,
    OrderedSignals,
    Origin,
    OriginKind,
    Signal,
    SignalKind,
)

NOON_MS = 1_790_000_000_000
APP = "shop"
HOME = "203.0.113.7"
IPHONE = Device("iPhone", "iOS", "17.4")
PIXEL = Device("Pixel 8", "Android", "14")
SUMMER = Origin(OriginKind.LINK, "summer")
WINTER = Origin(OriginKind.LINK, "winter")
GOOGLE = Origin(OriginKind.SOURCE, "google")
NOBODY = Identity()


def signal(kind: SignalKind, time_ms: int, receipt: str = "", **told: Any) -> Signal:
    receipt = receipt or f"{kind}-{time_ms}"
    return Signal(receipt=receipt, time_ms=time_ms, kind=kind, **_frozen(told))


opened = partial(signal, SignalKind.OPEN)
event = partial(signal, SignalKind.EVENT)
ad_revenue = partial(signal, SignalKind.AD_REVENUE)


def click(
    click_id: str, time_ms: int, origin: Origin | None = SUMMER, *, app: str = APP, **told: Any
) -> Click:
    return Click(id=click_id, time_ms=time_ms, app=app, origin=origin, **_frozen(told))


def history(*facts: Signal | Click, app: str = APP, known: Identity = NOBODY) -> History:
    return History(
        app=app,
        signals=tuple(fact for fact in facts if isinstance(fact, Signal)),
        clicks=tuple(fact for fact in facts if isinstance(fact, Click)),
        known=known,
    )


def _frozen(told: dict[str, Any]) -> dict[str, Any]:
    return {name: frozenset(it) if isinstance(it, set) else it for name, it in told.items()}


def identity_of(signals: Iterable[Signal]) -> Identity:
    """Returns the ids that these signals carry, of too many the first."""
    return NOBODY | OrderedSignals(signals).told
