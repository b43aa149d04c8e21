"""Tests the list of events: filters agree with a recount in Python, and pages leave nothing out."""

from collections.abc import Mapping
from random import Random
from uuid import UUID

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.browse import event_list
from console.browse.event_filter import read_filter
from console.browse.event_list import ListedEvent, list_events
from console.cursor import Cursor
from console.reports.bounds import moment_of
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import OperatorError
from shared.events import Environment, Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
HOUR_MS = 3_600_000


def listed(connection: Connection, app: App, values: Mapping[str, str]) -> list[ListedEvent]:
    """Returns all events of a filter, read page by page."""
    environment = values.get("environment", "production")
    wanted = read_filter(connection, app, environment, values, now_ms())
    events: list[ListedEvent] = []
    before = None
    for _ in range(200):
        page = list_events(connection, app, wanted, before, 7)
        events += page.events
        if page.after is None:
            return events
        before = Cursor.parse(page.after)
    raise AssertionError("the pages do not end")


@pytest.fixture
def sent(connection: Connection, resources: Resources, shop: App) -> dict[UUID, dict[str, str]]:
    """Stores events of all kinds; returns what is true of each, as the filters call it."""
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Summer", "https://shop.example/"))
    token = create_token(resources, ADMIN, shop, NewToken("backend")).token
    now, draw = now_ms(), Random(17)
    clicks = []
    for number in range(3):
        receipt = new_receipt(now - 10 * HOUR_MS)
        clicks.append(
            fresh(
                app_id=shop.id,
                receipt=receipt,
                received_at_ms=now - 10 * HOUR_MS,
                kind=Kind.CLICK,
                click_id=click_id_of(receipt),
                link_id=link.id,
                user_id="",
                event_id="",
                parameters={"number": str(number)},
            )
        )
    store(connection, *clicks)
    truth: dict[UUID, dict[str, str]] = {}
    events: list[Event] = []
    for number in range(60):
        happened = now - draw.randrange(9) * HOUR_MS
        user = draw.randrange(6)
        kind, event_id = draw.choice(
            [(Kind.EVENT, "purchase"), (Kind.EVENT, "other"), (Kind.OPEN, "__open")]
        )
        event = fresh(
            app_id=shop.id,
            receipt=new_receipt(now),
            received_at_ms=now,
            event_time_ms=happened,
            kind=kind,
            event_id=event_id,
            user_id=f"user-{user}",
            click_id=clicks[user].click_id if user < 3 else "",
            token_id=token.id if number % 2 else 0,
            parameters={"order": f"A{4700 + number}"},
            environment=Environment.SANDBOX if number % 10 == 9 else Environment.PRODUCTION,
        )
        events.append(event)
        truth[event.receipt] = {
            "environment": str(event.environment),
            "event": {"purchase": "Purchase", "other": "(unmapped)", "__open": "open"}[event_id],
            # The clicks are in production.
            "partner": "Acme" if user < 3 and number % 10 != 9 else "(organic)",
            "user": event.user_id,
            "status": "unmapped" if event_id == "other" else "counted",
            "token": "backend" if number % 2 else "",
            "q": event.parameters["order"],
        }
    store(connection, *events)
    return truth


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"environment": "sandbox"},
        {"event": "Purchase"},
        {"event": "open", "partner": "Acme"},
        {"partner": "(organic)"},
        {"user": "user-1"},
        {"user": "user-1", "event": "(unmapped)"},
        {"status": "unmapped"},
        {"token": "backend", "status": "counted"},
        {"q": "A4711"},
        {"event": "Purchase", "user": "user-4", "partner": "Acme"},
    ],
)
def test_every_event_of_a_filter_is_listed_once_and_newest_first(
    connection: Connection,
    shop: App,
    sent: dict[UUID, dict[str, str]],
    wanted: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Pages that are read in small pieces, as those of millions of events are.
    monkeypatch.setattr(event_list, "SCANS", (3, 11))
    monkeypatch.setattr(event_list, "SOURCE_SCANS", (3, 11))
    expected = {
        receipt
        for receipt, truth in sent.items()
        if all(
            truth[name] == text for name, text in {"environment": "production", **wanted}.items()
        )
    }

    events = listed(connection, shop, wanted)

    assert len(events) == len(expected)
    assert {event.receipt for event in events} == expected
    order = [(event.event_time, event.receipt) for event in events]
    assert order == sorted(order, reverse=True)
    for event in events:
        truth = sent[event.receipt]
        assert (event.event, event.source, event.status, event.token or "") == (
            *(truth[name] for name in ("event", "partner", "status", "token")),
        )


def test_a_period_has_its_last_day_and_not_the_next(connection: Connection, shop: App) -> None:
    day = 86_400_000
    midnight = now_ms() // day * day
    for happened in (midnight - 1, midnight):
        store(
            connection,
            fresh(app_id=shop.id, receipt=new_receipt(now_ms()), event_time_ms=happened),
        )

    yesterday = day_text(midnight - day)

    events = listed(connection, shop, {"from": yesterday, "to": yesterday})

    times = [round(event.event_time.timestamp() * 1000) for event in events]
    assert times == [midnight - 1]


def day_text(ms: int) -> str:
    return moment_of(ms).date().isoformat()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"event": "nothing"}, "no event type"),
        ({"partner": "nobody"}, "no partner"),
        ({"country": "XX"}, "no country"),
        ({"status": "lost"}, "Status must be one of"),
        ({"from": "yesterday"}, "must be a day or a time"),
        ({"user": "nobody"}, "Nothing of this user"),
        ({"q": "a" * 300}, "1 to 256 characters"),
    ],
)
def test_a_filter_that_fits_nothing_says_why(
    connection: Connection, shop: App, values: dict[str, str], message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        read_filter(connection, shop, "production", values, now_ms())
