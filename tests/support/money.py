"""Generates the traffic of partners whose users pay for half a year, to recount money from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from shared.events import Environment, Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.support.build import event

FIRST_DAY = date(2026, 3, 1)
DAYS = 250  # of events; the youngest users are 30 days older than the last cohort
COHORT_DAYS = 70
_COUNTRIES: tuple[dict[str, str], ...] = ({}, {"country": "DE"}, {"country": "FR"})
_DAY_MS = 86_400_000
_BUSY_MS = 3_600_000


@dataclass(frozen=True)
class Traffic:
    """An app, its links, and how many events are wanted."""

    app_id: int
    links: Sequence[int]
    events: int
    seed: int = 11


def generate_traffic(traffic: Traffic) -> Iterator[Event]:
    """Yields journeys of users until there are enough events, each in any order of its own."""
    random, count, user = Random(traffic.seed), 0, 0
    start_ms = int(datetime.combine(FIRST_DAY, datetime.min.time(), UTC).timestamp()) * 1000
    while count < traffic.events:
        user += 1
        # Most is in two hours of a day, so that there are few hours to roll up.
        at_ms = start_ms + random.randrange(COHORT_DAYS) * _DAY_MS + random.randrange(_BUSY_MS)
        journey = list(_journey(traffic, random, f"user {user}", at_ms))
        random.shuffle(journey)
        yield from journey
        count += len(journey)


def _journey(traffic: Traffic, random: Random, user: str, at_ms: int) -> Iterator[Event]:
    environment = Environment.SANDBOX if random.random() < 0.05 else Environment.PRODUCTION
    common: dict[str, Any] = {"app_id": traffic.app_id, "environment": environment}
    named: dict[str, Any] = {}
    if random.random() < 0.7:
        clicked_ms = at_ms - random.randrange(4) * _DAY_MS - random.randrange(1, _BUSY_MS)
        receipt = new_receipt(clicked_ms)
        named = {"click_id": click_id_of(receipt)}
        yield _event(
            clicked_ms,
            **common,
            **named,
            receipt=receipt,
            kind=Kind.CLICK,
            user_id="",
            event_id="",
            link_id=random.choice(traffic.links),
            parameters={"campaign": random.choice(("", "spring", "autumn"))},
        )
    yield _event(at_ms, **common, **named, kind=Kind.OPEN, user_id=user, event_id="__open")
    for _ in range(random.choice((0, 1, 3, 8))):
        later_ms = at_ms + int(random.random() ** 3 * 190) * _DAY_MS + random.randrange(_BUSY_MS)
        kind = random.choice((Kind.OPEN, Kind.OPEN, Kind.EVENT, Kind.EVENT, Kind.AD_REVENUE))
        event_id = {Kind.OPEN: "__open", Kind.EVENT: "buy", Kind.AD_REVENUE: "__ad_revenue"}[kind]
        money = {
            "sale_amount": random.choice(("9.99", "-3.5", "120", "0.004321")),
            "sale_amount_currency": random.choice(("EUR", "USD", "XAU", None)),
        }
        yield _event(
            later_ms,
            **common,
            kind=kind,
            user_id=user,
            event_id=event_id,
            parameters=random.choice(_COUNTRIES),
            **(money if kind is not Kind.OPEN else {}),
        )


def _event(at_ms: int, **values: Any) -> Event:
    usual = {"receipt": new_receipt(at_ms), "received_at_ms": at_ms, "event_time_ms": at_ms}
    return event(**{**usual, **values})


def last_day() -> date:
    """Returns the day on which everything is over."""
    return FIRST_DAY + timedelta(days=DAYS)
