"""What a match by platform alone is worth behind one address: false credits and missed installs.

    .venv/bin/python -m tests.tools.crowded_addresses

Phones behind one address click links of an app and install it. Their browsers withhold model and
version (Chrome's reduced agent), so that a click and an install share nothing but the platform. The
decisions are the product's own (`workers.core`). For each number of phones it prints, by limit
on the devices that may have been seen: of 100 credits, how many went to another phone's click; of
100 installs that came from a click, how many were not credited to it.

Assumed, per phone and day: 0.02 clicks on links of the app (a campaign that many see), of which one
in eight leads to an install after a log-normal time (median 3 minutes, ninth decile 4 hours, as in
`tests/support/journeys.py`); as many installs again come from nowhere; one click in three is
repeated within a minute.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tests.support.journeys import click_to_event_ms
from workers.core.attribution import attribute
from workers.core.devices import Device
from workers.core.history import Click, History, Origin, OriginKind, Signal, SignalKind
from workers.core.rules import DAY_MS, MINUTE_MS, Rules

PHONES = (1, 2, 3, 5, 10, 30, 100, 300, 1_000, 3_000, 10_000)
NO_LIMIT = 10**9
LIMITS_OF_DEVICES = (1, 2, 3, 5, 10, NO_LIMIT)
CLICKS_A_DAY = 0.02
INSTALLS_A_CLICK = 1 / 8
ORGANIC_A_DAY = CLICKS_A_DAY * INSTALLS_A_CLICK
INSTALLS_WANTED = 600
ADDRESS = "203.0.113.7"
BROWSER = Device("", "Android")
APP = Device("Pixel 8", "Android", "14")


@dataclass(frozen=True)
class Install:
    """`came_from`: the click that led to it, if one did."""

    time_ms: int
    came_from: str | None


@dataclass
class Score:
    """Counts of installs: `paid` ones came from a click, `right` and `wrong` ones were credited."""

    paid: int = 0
    right: int = 0
    wrong: int = 0

    @property
    def false_credits(self) -> float:
        return 100 * self.wrong / max(1, self.right + self.wrong)

    @property
    def missed(self) -> float:
        return 100 * (self.paid - self.right) / max(1, self.paid)


def address_of(phones: int, chance: random.Random) -> tuple[list[Click], list[Install]]:
    """Makes up what happens behind one address, until there are installs enough to count."""
    a_day = phones * (CLICKS_A_DAY * INSTALLS_A_CLICK + ORGANIC_A_DAY)
    span_ms = int(INSTALLS_WANTED / a_day * DAY_MS)
    clicks: list[Click] = []
    installs: list[Install] = []
    at_ms = 0.0
    while (at_ms := at_ms + chance.expovariate(phones * CLICKS_A_DAY) * DAY_MS) < span_ms:
        clicks += _taps(len(clicks), int(at_ms), chance)
        if chance.random() < INSTALLS_A_CLICK:
            first_ms = clicks[-1].time_ms + click_to_event_ms(chance)
            installs.append(Install(first_ms, clicks[-1].id))
    organic = chance.choices(range(span_ms), k=int(ORGANIC_A_DAY * phones * span_ms / DAY_MS))
    installs += [Install(at_ms, None) for at_ms in organic]
    return clicks, sorted(installs, key=lambda install: install.time_ms)


def _taps(number: int, at_ms: int, chance: random.Random) -> Iterator[Click]:
    """One person's: a second tap is the same person's click, and as good."""
    for tap in range(1 + (chance.random() < 1 / 3)):
        origin = Origin(OriginKind.LINK, str(number))
        later_ms = tap * chance.randrange(MINUTE_MS)
        yield Click(
            id=f"{number + tap}", time_ms=at_ms + later_ms, app="shop", origin=origin,
            address=ADDRESS, device=BROWSER,
        )  # fmt: skip


def score(phones: int, rules: Rules, seed: int = 1) -> Score:
    """Decides every install behind one address by the product's rules."""
    clicks, installs = address_of(phones, random.Random(f"{seed}/{phones}"))
    people = {click.id: click.origin for click in clicks}
    result = Score()
    window_ms = rules.click_probabilistic_ms
    for install in installs:
        near = [it for it in clicks if 0 <= install.time_ms - it.time_ms <= window_ms]
        others = sum(0 <= install.time_ms - it.time_ms <= window_ms for it in installs) - 1
        found = _decided(install, near, others, rules)
        result.paid += install.came_from is not None
        if found is not None:
            is_right = people.get(install.came_from or "") == people[found]
            result.right += is_right
            result.wrong += not is_right
    return result


def _decided(install: Install, clicks: list[Click], others: int, rules: Rules) -> str | None:
    first = Signal(
        receipt="r", time_ms=install.time_ms, kind=SignalKind.OPEN, address=ADDRESS, device=APP
    )
    history = History(
        app="shop", signals=(first,), clicks=tuple(clicks), newcomers={ADDRESS: others}
    )
    return attribute(history, rules)[0].click_id


def curve(limits: tuple[int, ...] = LIMITS_OF_DEVICES) -> Iterator[str]:
    """Yields the rows of the table in docs/measurement.md."""
    heads = ["any number" if limit == NO_LIMIT else f"up to {limit}" for limit in limits]
    yield "| phones | " + " | ".join(heads) + " |"
    yield "|---" * (len(limits) + 1) + "|"
    for phones in PHONES:
        scores = [score(phones, _rules(limit)) for limit in limits]
        cells = [f"{it.false_credits:.0f} / {it.missed:.0f}" for it in scores]
        yield f"| {phones:,} | " + " | ".join(cells) + " |"


def _rules(limit: int) -> Rules:
    rules = Rules()
    msgspec.structs.force_setattr(rules, "uncertain_devices_max", limit)  # more than people may set
    return rules


if __name__ == "__main__":
    for row in curve():
        print(row, flush=True)
