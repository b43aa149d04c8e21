"""Tests the pages of the quarantine: shown as text, edited and replayed."""

from typing import Any

import msgspec
import pytest

from console.apps.apps import App
from console.audit import list_changes
from console.pipeline.quarantine import read_quarantined_batch
from console.resources import Resources
from shared.database import Connection
from shared.events import Event, encode_event, join_events
from shared.inbox import measure
from tests.integration.console.conftest import event_of
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.workers.conftest import Bench

pytestmark = ON_ONE_PAIR
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
AT = "/operations/quarantine"


@pytest.fixture
def aside(connection: Connection, shop: App) -> Event:
    """Puts an event whose value is markup into quarantine."""
    event = msgspec.structs.replace(event_of(shop), event_value=MARKUP, user_agent=MARKUP)
    put_aside(connection, event)
    return event


def text_of(event: Event, **changes: Any) -> str:
    document = {**msgspec.structs.asdict(event), **changes}
    return msgspec.json.encode([document]).decode()


def test_the_quarantine_is_listed_and_opened_as_text(viewer: Browser, aside: Event) -> None:
    viewer.get(AT)
    assert str(aside.receipt) in viewer.text
    assert "refused by database SQLSTATE 23514" in viewer.text

    markup = viewer.get(f"{AT}/{aside.receipt}").text

    assert MARKUP in viewer.text
    assert "<img src=x" not in markup
    assert [form.action for form in viewer.page.forms] == ["/sign-out"]


def test_an_event_is_edited_replayed_and_stored(
    connection: Connection, admin: Browser, bench: Bench, aside: Event
) -> None:
    at = f"{AT}/{aside.receipt}"
    admin.get(at)
    admin.send(at, events=text_of(aside, event_value="corrected", sale_amount="7"))
    assert "Changed: event_value, sale_amount." in admin.text

    admin.send(f"{at}/replay")
    bench.drain()

    assert admin.path == f"/receipts/{aside.receipt}"
    rows = connection.execute("SELECT receipt, event_value, sale_amount FROM events").fetchall()
    assert [(receipt, value, int(amount)) for receipt, value, amount in rows] == [
        (aside.receipt, "corrected", 7)
    ]


def test_that_it_was_edited_is_written_down_without_its_values(
    connection: Connection, admin: Browser, aside: Event
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    admin.send(f"{AT}/{aside.receipt}", events=text_of(aside, user_id="somebody else"))

    (entry,) = [
        entry for entry in list_changes(connection, None, 9) if "quarantine" in entry.action
    ]
    assert (entry.actor, entry.subject) == ("console:Ada", str(aside.receipt))
    assert entry.after == {"fields": ["user_id"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"app_id": 99}, "The field app_id identifies the event"),
        (
            {"receipt": "01a214a3-d8e2-7bda-9699-0b6761feb9c3"},
            "The field receipt identifies the event",
        ),
        ({"user_id": 7}, "Expected `str`"),
        ({"event_time_ms": 1.5}, "Expected `int | null`"),
        ({"colour": "red"}, "Unexpected keyword argument"),
    ],
)
def test_what_is_no_event_any_more_is_refused_and_kept_in_the_form(
    connection: Connection, admin: Browser, aside: Event, changes: dict[str, Any], message: str
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    text = text_of(aside, **changes)
    result = admin.send(f"{AT}/{aside.receipt}", events=text)

    assert result.status_code == 422
    assert message in admin.text
    assert text in admin.text
    batch = read_quarantined_batch(connection, aside.receipt)
    assert batch.raw == join_events([encode_event(aside)])


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", '["a"]', "[{}]", '[{"a":' + "[" * 5_000])
def test_text_that_is_not_as_many_events_is_refused(
    admin: Browser, aside: Event, text: str
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    assert admin.send(f"{AT}/{aside.receipt}", events=text).status_code == 422


def test_all_pending_entries_are_replayed(resources: Resources, admin: Browser, shop: App) -> None:
    for _ in range(2):
        put_aside(resources.connection, event_of(shop))
    admin.get(AT)

    admin.send(f"{AT}/replay")

    assert "2 entries put back into the inbox." in admin.text
    assert measure(resources.redis).events == 2
    assert "Replay all" not in admin.text


def test_a_batch_that_cannot_be_read_is_shown_as_bytes(
    connection: Connection, shop: App, admin: Browser
) -> None:
    event = event_of(shop)
    put_aside(connection, event, wire_version=99)

    admin.get(f"{AT}/{event.receipt}")

    assert "This version of Waybill cannot decode" in admin.text
    assert [form.action for form in admin.page.forms][1:] == [f"{AT}/{event.receipt}/replay"]


def test_a_number_that_no_event_can_hold_is_refused(admin: Browser, aside: Event) -> None:
    admin.get(f"{AT}/{aside.receipt}")
    text = text_of(aside).replace('"event_time_ms":null', f'"event_time_ms":{2**70}')

    assert admin.send(f"{AT}/{aside.receipt}", events=text).status_code == 422
