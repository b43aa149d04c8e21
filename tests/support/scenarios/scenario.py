"""Builds scenarios: one fact per line, its time counted from noon."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.support.oracle import DAY_MS, HOUR_MS, Call, Click, Rules
from tests.support.worlds import (
    HOME,
    IPHONE,
    MIDNIGHT_MS,
    SHOP,
    SUMMER,
    World,
    receipt,
)

NOON_MS = MIDNIGHT_MS + 12 * HOUR_MS
WEEK_MS = 7 * DAY_MS

Credit = tuple[str, str | None]  # rule, click
ORGANIC: Credit = ("organic", None)
ANN, BEN = (SHOP, "ann"), (SHOP, "ben")
User = tuple[str, str]


@dataclass(frozen=True)
class Scenario:
    """A scenario. `credits` are each user's attributions in force, first to last; `sessions` are
    Ann's, each with its first and last minute after noon, opens and other events."""

    name: str
    world: World
    credits: Mapping[User, list[Credit]]
    sessions: list[tuple[int, int, int, int]] | None = None


def _call(is_open: bool, after_ms: int, **fields: Any) -> Call:
    fields = {"app": SHOP, "user": "ann", "receipt": "", **fields}
    return Call(time_ms=NOON_MS + after_ms, is_open=is_open, **fields)


opened = partial(_call, True)
bought = partial(_call, False)


def clicked(click_id: str, after_ms: int, origin: Any = SUMMER, **fields: Any) -> Click:
    return Click(id=click_id, time_ms=NOON_MS + after_ms, origin=origin, **{"app": SHOP, **fields})


def world(*facts: Call | Click, **rules: int) -> World:
    """Builds the world of a scenario; receipts are assigned as the facts arrive."""
    received = [
        replace(fact, receipt=receipt(number)) if isinstance(fact, Call) else fact
        for number, fact in enumerate(facts)
    ]
    return World(Rules(**rules), tuple(received))


MINE: dict[str, Any] = {"device_ids": ("d1",)}
SEEN: dict[str, Any] = {"address": HOME, "device": IPHONE}
