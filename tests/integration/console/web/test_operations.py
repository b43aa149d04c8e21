"""Operations: what waits, who works, what was refused; and the quarantine, mended and replayed."""

from typing import Any

import msgspec
import pytest

from console.apps.apps import App
from console.audit import list_changes
from console.pipeline.quarantine import show_quarantined
from console.resources import Resources
from console.web.app import create_app
from console.web.page_request import Services
from console.web.rq import RqDashboard
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.events import Event, encode_event, join_events
from shared.inbox import append, measure
from shared.redis import Redis
from shared.rejections import REJECTION_COUNTS_KEY, REJECTIONS_KEY, encode_rejection
from shared.settings import Settings
from tests.integration.console.conftest import event_of
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.workers.conftest import Bench
from tests.support.build import rejection

pytestmark = ON_ONE_PAIR
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
AT = "/operations/quarantine"


@pytest.fixture
def aside(connection: Connection, shop: App) -> Event:
    """An event in quarantine whose value is markup."""
    event = msgspec.structs.replace(event_of(shop), event_value=MARKUP, user_agent=MARKUP)
    put_aside(connection, event)
    return event


def text_of(event: Event, **changes: Any) -> str:
    document = {**msgspec.structs.asdict(event), **changes}
    return msgspec.json.encode([document]).decode()


def test_what_waits_and_who_works_is_shown(resources: Resources, shop: App, admin: Browser) -> None:
    append(resources.redis, join_events([encode_event(event_of(shop))]), 1)

    markup = admin.get("/operations").text

    assert "Waiting in the inbox 1" in admin.text
    assert "known from the second look on" in admin.text
    assert "No worker gave a sign of life" in admin.text
    assert "Redis answers" in admin.text
    assert "PostgreSQL answers" in admin.text
    assert 'data-live="5"' in markup
    admin.get("/operations")
    assert "events a second, over" in admin.text


def test_users_who_are_set_aside_are_a_problem_that_names_them_by_number(
    connection: Connection, viewer: Browser, shop: App
) -> None:
    viewer.get("/operations")
    assert "set aside:" not in viewer.text
    assert "Users set aside 0" in viewer.text
    (made,) = connection.execute(
        "INSERT INTO users (app_id, environment, user_id)"
        " VALUES (%s, 'production', 'ben@me.example') RETURNING id",
        (shop.id,),
    ).fetchall()
    connection.execute(
        "INSERT INTO set_aside_users (user_ref, fault, tries) VALUES (%s, 'ValueError', 3)", made
    )

    markup = viewer.get("/operations").text

    assert "1 user is set aside: the decision about them failed." in viewer.text
    assert f"{made[0]} {shop.name}, production ValueError" in viewer.text
    assert "ben@me.example" not in markup


def test_rejections_are_shown_by_reason_and_as_text(redis: Redis, viewer: Browser) -> None:
    refused = rejection(parameters={"event_id": MARKUP})
    redis.xadd(REJECTIONS_KEY, {"r": encode_rejection(refused)})
    redis.hincrby(REJECTION_COUNTS_KEY, "missing_field", 7)

    markup = viewer.get("/operations").text

    assert "missing_field 7" in viewer.text
    assert f"event_id {MARKUP}" in viewer.text
    assert "<img src=x" not in markup


def test_while_redis_is_away_the_rest_is_shown(
    settings: Settings, broken_redis: Redis, admin: Browser
) -> None:
    with open_pool(settings.database_url, "tests", 1) as pool:
        services = Services(settings, pool, broken_redis, RqDashboard(broken_redis), now_ms)
        lonely = Browser(create_app(services), admin.cookies["waybill"])
        lonely.get("/operations")

    assert "Redis does not answer" in lonely.text
    assert "PostgreSQL answers" in lonely.text


def test_the_quarantine_is_listed_and_opened_as_text(viewer: Browser, aside: Event) -> None:
    viewer.get(AT)
    assert str(aside.receipt) in viewer.text
    assert "refused by database SQLSTATE 23514" in viewer.text

    markup = viewer.get(f"{AT}/{aside.receipt}").text

    assert MARKUP in viewer.text
    assert "<img src=x" not in markup
    assert [form.action for form in viewer.page.forms] == ["/sign-out"]


def test_an_event_is_mended_replayed_and_stored(
    connection: Connection, admin: Browser, bench: Bench, aside: Event
) -> None:
    at = f"{AT}/{aside.receipt}"
    admin.get(at)
    admin.send(at, events=text_of(aside, event_value="mended", sale_amount="7"))
    assert "Changed: event_value, sale_amount." in admin.text

    admin.send(f"{at}/replay")
    bench.drain()

    assert admin.path == f"/receipts/{aside.receipt}"
    rows = connection.execute("SELECT receipt, event_value, sale_amount FROM events").fetchall()
    assert [(receipt, value, int(amount)) for receipt, value, amount in rows] == [
        (aside.receipt, "mended", 7)
    ]


def test_that_it_was_edited_is_written_down_without_its_values(
    connection: Connection, admin: Browser, aside: Event
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    admin.send(f"{AT}/{aside.receipt}", events=text_of(aside, user_id="somebody else"))

    (entry,) = [one for one in list_changes(connection, None, 9) if "quarantine" in one.action]
    assert (entry.actor, entry.subject) == ("console:Ada", str(aside.receipt))
    assert entry.after == {"fields": ["user_id"]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"app_id": 99}, "The field app_id is what the event is known by"),
        (
            {"receipt": "01a214a3-d8e2-7bda-9699-0b6761feb9c3"},
            "The field receipt is what the event",
        ),
        ({"user_id": 7}, "Expected `str`"),
        ({"event_time_ms": 1.5}, "Expected `int | null`"),
        ({"colour": "red"}, "Unexpected keyword argument"),
    ],
)
def test_what_is_no_event_any_more_is_refused_and_kept_in_the_form(
    connection: Connection, admin: Browser, aside: Event, changes: dict[str, Any], told: str
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    text = text_of(aside, **changes)
    result = admin.send(f"{AT}/{aside.receipt}", events=text)

    assert result.status_code == 422
    assert told in admin.text
    assert text in admin.text
    batch = show_quarantined(connection, aside.receipt)
    assert batch.raw == join_events([encode_event(aside)])


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", '["a"]', "[{}]"])
def test_text_that_is_not_as_many_events_is_refused(
    admin: Browser, aside: Event, text: str
) -> None:
    admin.get(f"{AT}/{aside.receipt}")

    assert admin.send(f"{AT}/{aside.receipt}", events=text).status_code == 422


def test_everything_that_is_out_is_replayed(
    resources: Resources, admin: Browser, shop: App
) -> None:
    for _ in range(2):
        put_aside(resources.connection, event_of(shop))
    admin.get(AT)

    admin.send(f"{AT}/replay")

    assert "2 put back into the inbox." in admin.text
    assert measure(resources.redis).events == 2
    assert "Replay everything" not in admin.text


def test_a_batch_that_cannot_be_read_is_shown_as_bytes(
    connection: Connection, shop: App, admin: Browser
) -> None:
    event = event_of(shop)
    put_aside(connection, event, wire_version=99)

    admin.get(f"{AT}/{event.receipt}")

    assert "This version cannot read" in admin.text
    assert [form.action for form in admin.page.forms][1:] == [f"{AT}/{event.receipt}/replay"]


def test_a_number_that_no_event_can_hold_is_refused(admin: Browser, aside: Event) -> None:
    admin.get(f"{AT}/{aside.receipt}")
    text = text_of(aside).replace('"event_time_ms":null', f'"event_time_ms":{2**70}')

    assert admin.send(f"{AT}/{aside.receipt}", events=text).status_code == 422
