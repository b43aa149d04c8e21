"""Facts of one second, as senders who count in seconds report them: arrival decides nothing."""

from itertools import permutations
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.fresh import fresh
from workers.decisions.derive import derive
from workers.facts.record import record

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"
IDFA = "7a3cbea0-bdf5-11e4-8dfc-aa07a5b093db"
COUNTS = "5"  # whose content comes first; in no order of arrival the other one
PLACE: dict[str, Any] = {"ip_address": "8.8.8.8", "user_agent": PHONE}


def store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_session_and_an_event_of_one_second_are_attributed_in_any_order(
    connection: Connection, order: tuple[int, ...]
) -> None:
    at_ms = (now_ms() - 600_000) // 1000 * 1000
    receipt = new_receipt(at_ms)
    click = {"receipt": receipt, "click_id": click_id_of(receipt), "kind": Kind.CLICK}
    makers = [
        lambda: fresh(event_time_ms=at_ms, user_id="", event_id="", link_id=1, **click, **PLACE),
        lambda: fresh(user_id="u", event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms, **PLACE),
        lambda: fresh(user_id="u", event_time_ms=at_ms),
    ]
    for number in order:
        store(connection, makers[number]())

    rules = connection.execute("SELECT rule FROM attributions WHERE superseded_at IS NULL")
    sessions = connection.execute("SELECT opens, events FROM sessions")
    assert (rules.fetchall(), sessions.fetchall()) == ([("address_and_device",)], [(1, 1)])


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("named", "rule"), [({}, "organic"), ({"device_ids": {"idfa": IDFA}}, "device_id")]
)
def test_an_address_a_second_after_the_first_call_is_no_evidence_and_a_device_id_is_in_any_order(
    connection: Connection, order: tuple[int, ...], named: dict[str, Any], rule: str
) -> None:
    at_ms = (now_ms() - 600_000) // 1000 * 1000
    receipt = new_receipt(at_ms)
    click = {"receipt": receipt, "click_id": click_id_of(receipt), "kind": Kind.CLICK}
    told = {**PLACE, **named}
    makers = [
        lambda: fresh(event_time_ms=at_ms, user_id="", event_id="", link_id=1, **click, **told),
        lambda: fresh(user_id="u", event_time_ms=at_ms + 1),
        lambda: fresh(
            user_id="u", event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms + 1001, **told
        ),
    ]
    for number in order:
        store(connection, makers[number]())

    rules = connection.execute("SELECT rule FROM attributions WHERE superseded_at IS NULL")
    assert rules.fetchall() == [(rule,)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_of_unique_events_of_one_second_the_same_one_counts_in_any_order(
    connection: Connection, order: tuple[int, ...], *, together: bool
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token, is_unique)"
        " SELECT id, 'purchase', 'purchase', 'token', true FROM apps"
    )
    at_ms = (now_ms() - 600_000) // 1000 * 1000
    amounts = (None, "5.00", "7.00")
    sent = [
        fresh(user_id="u", event_id="purchase", event_time_ms=at_ms, sale_amount=amounts[number])
        for number in order
    ]
    for batch in [sent] if together else [[each] for each in sent]:
        store(connection, *batch)

    counted = connection.execute(
        "SELECT sale_amount, sale_amount IS NOT NULL FROM events WHERE counted"
    ).fetchall()
    assert [row[1] for row in counted] == [True]
    assert str(counted[0][0]).startswith(COUNTS)
