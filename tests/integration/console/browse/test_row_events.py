"""Tests that each row of a report leads to exactly the events that it counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.browse.event_filter import read_filter
from console.browse.event_list import list_events
from console.browse.row_events import row_paths
from console.reports.answer import answer
from console.reports.filters import Filters, Split, only, without
from console.reports.period import Period
from console.reports.question import Interval, Question
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
HOUR_MS = 3_600_000


@pytest.fixture
def app(resources: Resources, shop: App) -> App:
    """Stores events of two days, countries, sources and types."""
    create_event_type(resources, ADMIN, shop, NewEventType("buy", "Purchase & more"))
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Spring", "https://a.example/"))
    yesterday = datetime.fromtimestamp(now_ms() / 1000, UTC).date() - timedelta(days=1)
    base_ms = int(datetime(*yesterday.timetuple()[:3], tzinfo=UTC).timestamp() * 1000)
    receipt = new_receipt(base_ms)
    events = [
        fresh(
            app_id=shop.id, kind=Kind.CLICK, receipt=receipt, click_id=click_id_of(receipt),
            event_time_ms=base_ms, user_id="", event_id="", link_id=link.id,
        )
    ]  # fmt: skip
    for number in range(12):
        event_id = "buy" if number % 3 else "__open"
        events.append(
            fresh(
                app_id=shop.id,
                user_id=f"user-{number % 4}",
                kind=Kind.EVENT if number % 3 else Kind.OPEN,
                event_id=event_id,
                event_time_ms=base_ms - 5 * HOUR_MS + number * HOUR_MS + 1,
                click_id=click_id_of(receipt) if number % 4 == 1 and number > 4 else None,
                parameters={"country": "fr" if number % 2 else "de"},
            )
        )
    store(resources.connection, *events)
    count_all(resources.connection)
    return shop


def listed(connection: Connection, app: App, path: str) -> int:
    parts = urlsplit(path)
    assert parts.path == f"/apps/{app.id}/events/log"
    values = dict(parse_qsl(parts.query))
    wanted = read_filter(connection, app, values.pop("environment"), values, now_ms())
    return len(list_events(connection, app, wanted, count=500).events)


@pytest.mark.parametrize("by", [*Interval])
@pytest.mark.parametrize(
    "split", [Split.NONE, Split.PARTNER, Split.LINK, Split.COUNTRY, Split.EVENT]
)
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(partner=only("Acme")),
        Filters(country=only("DE")),
        Filters(event=only("open")),
    ],
)
def test_the_list_has_as_many_events_as_the_row_counts(
    connection: Connection, app: App, by: Interval, split: Split, filters: Filters
) -> None:
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    period = Period(today - timedelta(days=2), today - timedelta(days=1))
    question = Question(period=period, by=by, split=split, filters=filters)

    report = answer(connection, app, question, now_ms())
    paths = row_paths(app, report)

    assert [listed(connection, app, path) for path in paths] == [
        row.figures.events for row in report.rows
    ]


def test_a_row_leads_to_the_events_of_all_its_names(connection: Connection, app: App) -> None:
    """A filter of several values is met by what the row is broken down by."""
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    filters = Filters(country=without("US"), event=only("open"))
    question = Question(
        period=Period(today - timedelta(days=2), today - timedelta(days=1)),
        split=Split.LINK,
        then=(Split.COUNTRY,),
        filters=filters,
    )

    report = answer(connection, app, question, now_ms())

    assert len({row.names for row in report.rows}) > 1
    assert [listed(connection, app, path) for path in row_paths(app, report)] == [
        row.figures.events for row in report.rows
    ]
    by_link = answer(connection, app, replace(question, then=()), now_ms())
    assert {*row_paths(app, by_link)} == {""}  # the list cannot leave out a country


@pytest.mark.parametrize("split", [Split.CAMPAIGN, Split.SUB_ID])
def test_rows_that_the_list_cannot_be_filtered_by_lead_nowhere(
    connection: Connection, app: App, split: Split
) -> None:
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    question = Question(period=Period(today - timedelta(days=2), today), split=split)

    assert {*row_paths(app, answer(connection, app, question, now_ms()))} <= {""}
