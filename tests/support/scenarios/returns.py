"""Scenarios of reattribution: users who return, and the partners that bring them back."""

from tests.support.oracle import DAY_MS, MINUTE_MS, Call, Click
from tests.support.scenarios.scenario import (
    ANN,
    BEN,
    MINE,
    ORGANIC,
    SEEN,
    WEEK_MS,
    Credit,
    Scenario,
    bought,
    clicked,
    opened,
    world,
)
from tests.support.worlds import SUMMER, WINTER

AGAIN = clicked("c2", DAY_MS, WINTER, **MINE)
START = (clicked("c1", -10, SUMMER, **MINE), opened(0, **MINE))
FIRST, SECOND = ("device_id", "c1"), ("device_id", "c2")


def _returning(name: str, *facts: Call | Click, then: list[Credit], **rules: int) -> Scenario:
    return Scenario(name, world(*START, *facts, **rules), {ANN: [FIRST, *then]})


RETURNS: list[Scenario] = [
    _returning("a return at the inactivity's edge", AGAIN, opened(WEEK_MS), then=[SECOND]),
    _returning("a return before the inactivity's edge", AGAIN, opened(WEEK_MS - 1), then=[]),
    _returning(
        "inactivity counts from the last activity",
        bought(20 * MINUTE_MS),
        clicked("c2", DAY_MS, WINTER, **MINE),
        opened(WEEK_MS + 19 * MINUTE_MS),
        then=[],
    ),
    _returning("a purchase is no return", AGAIN, bought(8 * DAY_MS), then=[]),
    _returning(
        "a click at the reattribution window's edge", AGAIN, opened(8 * DAY_MS), then=[SECOND]
    ),
    _returning("a click past that edge", AGAIN, opened(8 * DAY_MS + 1), then=[]),
    _returning(
        "a return through the same link",
        clicked("c2", DAY_MS, SUMMER, **MINE),
        opened(WEEK_MS),
        then=[],
    ),
    _returning(
        "a return that only an address speaks for",
        clicked("c2", WEEK_MS - 1, WINTER, **SEEN),
        opened(WEEK_MS, **SEEN),
        then=[],
    ),
    _returning(
        "a return on what a named click lends",
        clicked("c2", WEEK_MS - 2, WINTER, device_ids=("d2",)),
        clicked("c3", WEEK_MS - 1, None, device_ids=("d2",)),
        opened(WEEK_MS, click_id="c3"),
        then=[SECOND],
    ),
    _returning(
        "a lender past the reattribution window, though not past the click window",
        clicked("c2", WEEK_MS, WINTER, device_ids=("d2",)),
        clicked("c3", WEEK_MS - 2 * DAY_MS, None, device_ids=("d2",)),
        opened(WEEK_MS, click_id="c3"),
        then=[],
        reattribution_ms=DAY_MS,
    ),
    _returning(
        "a reinstall within the inactivity",
        clicked("c2", 3 * DAY_MS - 1, WINTER, **MINE),
        opened(3 * DAY_MS, **MINE),
        then=[],
    ),
    Scenario(
        "a reinstall under a new user id, on the same device",
        world(*START, AGAIN, opened(2 * DAY_MS, user="ben", **MINE)),
        {ANN: [FIRST], BEN: [SECOND]},
    ),
    Scenario(
        "a click of the first attribution's millisecond may bring the user back",
        world(
            clicked("c1", -10, SUMMER),
            clicked("c2", 0, WINTER, **MINE),
            opened(0, click_id="c1", **MINE),
            opened(WEEK_MS),
        ),
        {ANN: [("click_id", "c1"), ("device_id", "c2")]},
    ),
    Scenario(
        "an older click than the attribution in force does not",
        world(
            clicked("c1", -10, SUMMER),
            clicked("c2", -1, WINTER, **MINE),
            opened(0, click_id="c1", **MINE),
            opened(WEEK_MS),
            reattribution_ms=8 * DAY_MS,
        ),
        {ANN: [("click_id", "c1")]},
    ),
    Scenario(
        "without a session yet, inactivity counts from the first attribution",
        world(
            bought(0),
            clicked("c1", DAY_MS, SUMMER, **MINE),
            opened(WEEK_MS, **MINE),
        ),
        {ANN: [ORGANIC, ("device_id", "c1")]},
    ),
    Scenario(
        "an inactivity shorter than the session timeout acts as the timeout",
        world(
            bought(0),
            clicked("c1", 1, SUMMER, **MINE),
            opened(30 * MINUTE_MS - 1, **MINE),
            bought(0, user="ben"),
            opened(30 * MINUTE_MS, user="ben", **MINE),
            inactivity_ms=0,
        ),
        {ANN: [ORGANIC], BEN: [ORGANIC, ("device_id", "c1")]},
    ),
]
