"""The made-up file is what it is said to be."""

import statistics
from collections import Counter
from itertools import pairwise
from random import Random

import msgspec

from shared.events import Kind
from shared.lines.line_format import Destination, read_line
from tests.support.build import NOW_MS
from tests.support.generate import generate
from tests.support.journeys import LINKS, NINTH_DECILE_SECONDS, click_to_event_ms, link_name, offer

EVENTS = 5_000
SHOP = generate(EVENTS, seed=7)


def destination(app: str) -> Destination:
    return Destination(
        1,
        {link_name(number): number for number in range(LINKS)},
        {offer(app, number): number for number in range(LINKS)},
        NOW_MS,
    )


def test_a_file_has_as_many_lines_as_were_asked_for_always_the_same() -> None:
    assert len(SHOP) == EVENTS
    assert generate(EVENTS, seed=7) == SHOP
    assert generate(EVENTS, seed=8) != SHOP


def test_every_line_can_be_imported() -> None:
    for app in ("shop", "game"):
        for line in generate(1_000, 7, app):
            read_line(msgspec.json.encode(line), destination(app))


def test_everything_that_can_be_imported_is_in_it() -> None:
    events = [read_line(msgspec.json.encode(line), destination("shop")) for line in SHOP]

    kinds = Counter(event.kind for event in events)
    assert set(kinds) == set(Kind)
    assert kinds[Kind.CLICK] > EVENTS / 4
    assert kinds[Kind.OPEN] > EVENTS / 10
    assert {event.environment for event in events} == {"production", "sandbox"}


def test_a_few_addresses_own_many_clicks() -> None:
    owners = Counter(line.get("ip") for line in SHOP if line["type"] == "click")
    del owners[None]

    assert sum(clicks for _, clicks in owners.most_common(20)) > owners.total() / 5
    assert len(owners) > 500


def test_from_click_to_event_it_is_three_minutes_at_the_median_four_hours_at_the_ninth_decile(
) -> None:  # fmt: skip
    chance = Random(7)
    seconds = [click_to_event_ms(chance) / 1000 for _ in range(20_000)]

    assert 170 < statistics.median(seconds) < 190
    assert 0.9 < statistics.quantiles(seconds, n=10)[-1] / NINTH_DECILE_SECONDS < 1.1


def test_two_apps_know_the_same_people() -> None:
    game = generate(EVENTS, seed=7, app="game")

    users = [{line["user_id"] for line in lines if "user_id" in line} for lines in (SHOP, game)]
    assert len(users[0] & users[1]) > 50
    assert {line["user_id"] for line in game if "user_id" in line} & {
        line["click_id"] for line in SHOP if "click_id" in line
    }


def test_some_lines_come_late_and_some_come_twice() -> None:
    times = [int(str(line["time"])) for line in SHOP]

    assert sum(later < earlier for earlier, later in pairwise(times)) > 100
    assert len({msgspec.json.encode(line) for line in SHOP}) < EVENTS
