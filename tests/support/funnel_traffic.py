"""Generates users who do things in any order, some of them at the same moment."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from shared.events import Environment, Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.support.build import event

FIRST_MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 12
TYPES = ("register", "view", "cart", "buy")
_QUARTER_MS = 900_000


def generate_journeys(
    app_id: int, links: Sequence[int], users: int, seed: int = 5
) -> Iterator[Event]:
    """Yields the events of users, half of them from links, a few in the sandbox."""
    random = Random(seed)
    start_ms = int(FIRST_MOMENT.timestamp()) * 1000
    for user in range(users):
        sandbox = random.random() < 0.05
        common: dict[str, Any] = {
            "app_id": app_id,
            "environment": Environment.SANDBOX if sandbox else Environment.PRODUCTION,
        }
        at_ms = start_ms + random.randrange(DAYS * 4) * 6 * 3_600_000
        named: dict[str, Any] = {}
        if random.random() < 0.5:
            receipt = new_receipt(at_ms - 60_000)
            named = {"click_id": click_id_of(receipt)}
            yield event(
                **common, **named, receipt=receipt, kind=Kind.CLICK, user_id="", event_id="",
                link_id=random.choice(links), event_time_ms=at_ms - 60_000,
                received_at_ms=at_ms - 60_000,
            )  # fmt: skip
        for number in range(random.randrange(1, 10)):
            at_ms += random.choice((0, 0, 1, 4, 40, 400)) * _QUARTER_MS
            is_open = number == 0 or random.random() < 0.2
            yield event(
                **common,
                **named,
                receipt=new_receipt(at_ms),
                kind=Kind.OPEN if is_open else Kind.EVENT,
                user_id=f"user {user}",
                event_id="__open" if is_open else random.choice(TYPES),
                event_time_ms=at_ms,
                received_at_ms=at_ms,
            )


def first_day(days_later: int = 0) -> date:
    """Returns the first day of events, or one some days later."""
    return (FIRST_MOMENT + timedelta(days=days_later)).date()
