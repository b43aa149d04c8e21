"""Users who come back, and users who were never away, as their rows are decided."""

from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from ingest.dialects.swaarm.postback import POSTBACK
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.fresh import fresh
from tests.support.build import parameters, request_context
from workers.decisions.derive import derive
from workers.facts.record import record

DAY_MS = 86_400_000
MINUTE_MS = 60_000
DEVICE = {"idfv": "59e27f41-a86b-4560-b585-63161f871234"}
A, B = 1, 2

_IN_FORCE = """
SELECT origin, is_reattribution FROM attributions
WHERE superseded_at IS NULL ORDER BY event_time
"""


def clicked(link: int, at_ms: int) -> Event:
    receipt = new_receipt(at_ms)
    named: dict[str, Any] = {"receipt": receipt, "click_id": click_id_of(receipt)}
    return fresh(
        user_id="", event_id="", kind=Kind.CLICK, link_id=link, event_time_ms=at_ms,
        device_ids=DEVICE, **named,
    )  # fmt: skip


def happened(at_ms: int, event_id: str = "__open") -> Event:
    kind = Kind.OPEN if event_id == "__open" else Kind.EVENT
    return fresh(user_id="u", event_id=event_id, kind=kind, event_time_ms=at_ms, device_ids=DEVICE)


def store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


@pytest.mark.parametrize("order", list(permutations(range(5)))[::17])
def test_who_last_touched_the_present_source_stays_with_it(
    connection: Connection, order: tuple[int, ...]
) -> None:
    """A, away for eight days, B five days ago, A again a minute ago, and back."""
    back_ms = now_ms() - 10 * MINUTE_MS
    facts = [
        clicked(A, back_ms - 8 * DAY_MS - MINUTE_MS),
        happened(back_ms - 8 * DAY_MS),
        clicked(B, back_ms - 5 * DAY_MS),
        clicked(A, back_ms - MINUTE_MS),
        happened(back_ms),
    ]
    for number in order:
        store(connection, facts[number])

    assert connection.execute(_IN_FORCE).fetchall() == [("1", False)]


@pytest.mark.parametrize(
    ("is_charged", "expected"),
    [(True, [("1", False)]), (False, [("1", False), ("2", True)])],
)
def test_who_is_charged_every_day_was_not_away(
    connection: Connection, expected: list[tuple[str, bool]], *, is_charged: bool
) -> None:
    back_ms = now_ms() - 10 * MINUTE_MS
    facts = [
        clicked(A, back_ms - 9 * DAY_MS - MINUTE_MS),
        happened(back_ms - 9 * DAY_MS),
        clicked(B, back_ms - MINUTE_MS),
        happened(back_ms),
    ]
    if is_charged:
        facts += [happened(back_ms - days * DAY_MS, "charged") for days in range(1, 9)]
    for fact in reversed(facts):
        store(connection, fact)

    assert connection.execute(_IN_FORCE).fetchall() == expected


@pytest.mark.parametrize("as_user_id", [True, False])
@pytest.mark.parametrize("click_first", [True, False])
def test_a_click_id_that_is_a_uuid_in_capitals_binds(
    connection: Connection, *, as_user_id: bool, click_first: bool
) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    click_id = str(uuid4())
    click = fresh(
        user_id="", event_id="", kind=Kind.CLICK, link_id=A, event_time_ms=at_ms, click_id=click_id
    )
    sent = fields_of(click_id.upper(), as_user_id=as_user_id)
    call = fresh(event_id="purchase", event_time_ms=at_ms + 1, **sent)
    for fact in (click, call) if click_first else (call, click):
        store(connection, fact)

    rules = connection.execute("SELECT rule FROM attributions WHERE superseded_at IS NULL")
    assert rules.fetchall() == [("click_id",)]


def fields_of(click_id: str, *, as_user_id: bool) -> dict[str, str]:
    """As ingest reads it of a call."""
    query = f"user_id={click_id}" if as_user_id else f"user_id=u&click_id={click_id}"
    event = POSTBACK.read(parameters(f"{query}&event_id=purchase"), request_context()).event
    return {"user_id": event.user_id, **({"click_id": event.click_id} if event.click_id else {})}
