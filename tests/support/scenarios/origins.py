"""Scenarios of first attribution: windows, ties, late facts, clocks."""

from typing import Any

from tests.support.oracle import DAY_MS, HOUR_MS
from tests.support.scenarios.scenario import (
    ANN,
    BEN,
    MINE,
    ORGANIC,
    SEEN,
    WEEK_MS,
    Scenario,
    bought,
    clicked,
    opened,
    world,
)
from tests.support.worlds import SUMMER, WINTER


def _edges(title: str, named_ms: int, sighted_ms: int, **rules: int) -> list[Scenario]:
    """Places a click at the far end of each step's window, and a millisecond past it."""
    ways: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
        ("click_id", {"click_id": "c1"}, {}, named_ms),
        ("device_id", MINE, MINE, named_ms),
        ("address_and_device", SEEN, SEEN, sighted_ms),
    ]
    return [
        Scenario(
            f"{rule} in the {title}, {past_ms} ms past the edge",
            world(clicked("c1", -window_ms - past_ms, **click), opened(0, **call), **rules),
            {ANN: [credit]},
        )
        for rule, call, click, window_ms in ways
        for past_ms, credit in ((0, (rule, "c1")), (1, ORGANIC))
    ]


_WINDOWS = [
    *_edges("window", WEEK_MS, 6 * HOUR_MS),
    *_edges(
        "widest window that an app may set",
        30 * DAY_MS,
        DAY_MS,
        deterministic_ms=30 * DAY_MS,
        probabilistic_ms=DAY_MS,
    ),
]
_TWINS = (clicked("c2", 0, WINTER, **MINE), clicked("c1", 0, SUMMER, **MINE))
_MOMENTS: list[Scenario] = [
    Scenario(
        "clicks of the same millisecond as the open: the smaller id",
        world(*_TWINS, opened(0, **MINE)),
        {ANN: [("device_id", "c1")]},
    ),
    Scenario(
        "a click a millisecond after the open",
        world(clicked("c1", 1, **MINE), opened(0, **MINE)),
        {ANN: [ORGANIC]},
    ),
    Scenario(
        "a late click takes the place of an older one",
        world(clicked("c1", -10, **MINE), opened(0, **MINE), clicked("c2", -5, WINTER, **MINE)),
        {ANN: [("device_id", "c2")]},
    ),
    Scenario(
        "a late open, before the click that was credited",
        world(clicked("c1", 0, **MINE), opened(10, **MINE), opened(-HOUR_MS)),
        {ANN: [ORGANIC]},
        [(-60, -60, 1, 0), (0, 0, 1, 0)],
    ),
    Scenario(
        "a late purchase brings the click into its window",
        world(
            clicked("c1", -8 * DAY_MS, **MINE),
            opened(0, **MINE),
            bought(-DAY_MS, device_ids=("d2",)),
        ),
        {ANN: [("device_id", "c1")]},
        [(0, 0, 1, 0)],
    ),
    Scenario(
        "a clock one day ahead: sightings are too old, ids are not",
        world(
            clicked("c1", 0, **SEEN, **MINE),
            opened(DAY_MS, **SEEN),
            opened(DAY_MS, user="ben", **MINE),
        ),
        {ANN: [ORGANIC], BEN: [("device_id", "c1")]},
    ),
    Scenario(
        "a user seen first by a purchase",
        world(
            clicked("c1", -HOUR_MS, **SEEN),
            bought(0, **SEEN),
            clicked("c2", HOUR_MS, WINTER, **SEEN),
            opened(2 * HOUR_MS, **SEEN),
        ),
        {ANN: [("address_and_device", "c1")]},
        [(120, 120, 1, 0)],
    ),
]


FIRST_ORIGINS = [*_WINDOWS, *_MOMENTS]
