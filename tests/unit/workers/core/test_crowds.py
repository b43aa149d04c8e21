"""How many devices behind an address leave a click that only its platform speaks for uncredited."""

import pytest

from shared.vocabulary import Certainty, Lost, Rule
from tests.unit.workers.core.build import HOME, NOON_MS, click, history, opened
from workers.core.attribution import Attribution, attribute
from workers.core.devices import Device
from workers.core.history import Click
from workers.core.rules import HOUR_MS, MINUTE_MS, Rules

REDUCED = Device("", "Android")
PIXEL_8 = Device("Pixel 8", "Android", "14")


def decided(*clicks: Click, newcomers: int = 0, rules: Rules | None = None) -> Attribution:
    facts = history(opened(NOON_MS, address=HOME, device=PIXEL_8), *clicks)
    whole = type(facts)(
        app=facts.app, signals=facts.signals, clicks=facts.clicks, newcomers={HOME: newcomers}
    )
    return attribute(whole, rules or Rules())[0]


@pytest.mark.parametrize(
    ("newcomers", "devices_max", "rule"),
    [
        (0, 0, Rule.ORGANIC),
        (0, 1, Rule.ADDRESS_AND_DEVICE),
        (1, 1, Rule.ORGANIC),
        (2, 3, Rule.ADDRESS_AND_DEVICE),
        (3, 3, Rule.ORGANIC),
    ],
)
def test_more_users_than_the_app_allows_leave_it_organic(
    newcomers: int, devices_max: int, rule: Rule
) -> None:
    only = click("c", NOON_MS - 1, address=HOME, device=REDUCED)
    decision = decided(only, newcomers=newcomers, rules=Rules(uncertain_devices_max=devices_max))

    assert decision.rule is rule
    if rule is Rule.ORGANIC:
        assert [it.lost for it in decision.beaten] == [Lost.CROWDED]
    else:
        assert decision.certainty is Certainty.LOW
        assert decision.compared == "platform same, version unknown, model unknown"


def test_clicks_that_may_be_the_users_are_devices_unless_they_are_taps_of_one() -> None:
    taps = [
        click(f"t{number}", NOON_MS - number * 1000 - 1, address=HOME, device=REDUCED)
        for number in range(9)
    ]
    people = [
        click(f"p{number}", NOON_MS - number * 20 * MINUTE_MS, address=HOME, device=REDUCED)
        for number in range(4)
    ]
    elsewhere = [
        click(f"e{number}", NOON_MS - number * 20 * MINUTE_MS, address=HOME, device=other)
        for number, other in enumerate([Device("SM-S911B", "Android", "14")] * 9)
    ]

    assert decided(*taps, *elsewhere).click_id == "t0"
    assert decided(*people).rule is Rule.ORGANIC
    assert decided(*people[:3]).click_id == "p0"


def test_a_certain_match_counts_however_many_there_are_and_before_a_later_uncertain_one() -> None:
    certain = click("certain", NOON_MS - HOUR_MS, address=HOME, device=PIXEL_8)
    later = click("later", NOON_MS - 1, address=HOME, device=REDUCED)

    crowded, alone = decided(certain, later, newcomers=10), decided(certain, later)

    assert crowded.click_id == alone.click_id == "certain"
    assert crowded.certainty is Certainty.HIGH
    assert [it.lost for it in crowded.beaten] == [Lost.CROWDED]
    assert [it.lost for it in alone.beaten] == [Lost.LESS_CERTAIN]
