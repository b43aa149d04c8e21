"""Scenarios of sessions."""

from tests.support.oracle import HOUR_MS, MINUTE_MS, Call
from tests.support.scenarios.scenario import ANN, ORGANIC, Scenario, bought, opened, world


def _active(name: str, *calls: Call, sessions: list[tuple[int, int, int, int]]) -> Scenario:
    return Scenario(name, world(*calls), {ANN: [ORGANIC]}, sessions)


def _at(minute: int) -> Call:
    return bought(minute * MINUTE_MS)


CHAIN = [opened(0), opened(100 * MINUTE_MS), _at(50), _at(75), _at(125)]


VISITS: list[Scenario] = [
    _active(
        "two sessions, before the event that joins them",
        *CHAIN,
        sessions=[(0, 0, 1, 0), (100, 125, 1, 1)],
    ),
    _active(
        "a late event joins two sessions across several short gaps",
        *CHAIN,
        _at(25),
        sessions=[(0, 125, 2, 4)],
    ),
    _active(
        "a gap of exactly the timeout",
        opened(0),
        opened(30 * MINUTE_MS),
        sessions=[(0, 0, 1, 0), (30, 30, 1, 0)],
    ),
    _active(
        "an event after the timeout is in no session",
        opened(0),
        _at(29),
        _at(59),
        sessions=[(0, 29, 1, 1)],
    ),
    _active("a renewal at night", _at(-540), sessions=[]),
    _active(
        "a session over midnight",
        opened(11 * HOUR_MS + 50 * MINUTE_MS),
        _at(725),
        sessions=[(710, 725, 1, 1)],
    ),
]
