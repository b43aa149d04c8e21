"""Generates a file for `waybill import`, of any size and always the same:

    python -m tests.support.generate --events 200000 --seed 7 > shop.ndjson
    python -m tests.support.generate --events 50000 --seed 7 --app game > game.ndjson

Lines are in the order of arrival: by time, but some are minutes and some days late, and one in a
hundred comes twice. Both apps have the same people.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from itertools import count, islice

from tests.support.journeys import DAY_MS, HOUR_MS, MINUTE_MS, Journeys, Line

APPS = ("shop", "game")
STRAY_CLICKS_PER_LINE = 0.6
REPEATED = 0.01


def generate(events: int, seed: int, app: str = APPS[0]) -> list[Line]:
    """Generates exactly `events` lines."""
    chance = random.Random(f"{seed}/{app}/arrival")
    arrivals: list[tuple[int, int, Line]] = []
    for place, line in enumerate(islice(_lines(seed, app, chance), events)):
        at_ms = line["time"]
        assert isinstance(at_ms, int)
        arrivals.append((at_ms + _lateness_ms(chance), place, line))
    return [line for _, _, line in sorted(arrivals, key=lambda arrival: arrival[:2])]


def _lines(seed: int, app: str, chance: random.Random) -> Iterator[Line]:
    journeys = Journeys(seed, app)
    for number in count():
        for line in journeys.journey(number):
            yield line
            if chance.random() < REPEATED:
                yield line
            if chance.random() < STRAY_CLICKS_PER_LINE:
                yield journeys.stray_click()


def _lateness_ms(chance: random.Random) -> int:
    how = chance.random()
    if how < 0.03:
        return chance.randrange(10 * DAY_MS)
    if how < 0.1:
        return chance.randrange(2 * HOUR_MS)
    return chance.randrange(MINUTE_MS // 30)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--app", choices=APPS, default=APPS[0])
    chosen = arguments.parse_args()
    for line in generate(chosen.events, chosen.seed, chosen.app):
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
