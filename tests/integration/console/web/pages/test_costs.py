"""Tests the pages of costs and cohorts: upload, set a price, and read both in reports."""

from datetime import timedelta

import pytest

from console.apps.apps import App
from console.apps.links import NewLink, create_link, list_links
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from shared.ids import click_id_of, new_receipt
from shared.partitions import day_of
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
HEADING = "day,partner,campaign,currency,amount\n"


@pytest.fixture
def app(connection: Connection, resources: Resources, shop: App) -> App:
    """Provides an app with a link, a click and a user of it who pays."""
    new = NewLink("Acme", "Summer", "https://shop.example/")
    link = create_link(resources, ADMIN, shop, new)
    receipt = new_receipt(now_ms())
    click = fresh(
        app_id=shop.id,
        receipt=receipt,
        kind=Kind.CLICK,
        click_id=click_id_of(receipt),
        link_id=link.id,
        user_id="",
        event_id="",
        parameters={"campaign": "spring"},
    )
    paid = {"sale_amount": "10", "sale_amount_currency": "EUR", "event_id": "buy"}
    store(connection, click, fresh(app_id=shop.id, user_id="ann", click_id=click.click_id, **paid))
    count_all(connection)
    return shop


def test_costs_are_uploaded_and_priced_and_shown_in_reports(
    connection: Connection, admin: Browser, app: App
) -> None:
    at, today = f"/apps/{app.id}/reports/costs", day_of(now_ms())
    unknown = admin.get(f"/apps/{app.id}/reports?split=partner").text
    assert "No costs are known for these rows" in unknown
    assert "No costs are known" not in admin.get(f"/apps/{app.id}/reports?split=country").text
    assert "No uploaded costs" in admin.get(at).text

    admin.send(f"{at}/upload", csv=f"{HEADING}{today},Acme,spring,EUR,2.50\n{today},Acme,,USD,1\n")
    assert f"2 costs have been stored, of {today} to {today}" in admin.text
    (link,) = list_links(connection, app)
    price = {"per": "install", "event": "", "amount": "1.25", "currency": "eur"}
    admin.get(at)
    admin.send(
        f"/apps/{app.id}/reports/costs/price",
        link=str(link.id),
        since=str(today - timedelta(1)),
        **price,
    )
    assert "Summer costs 1.25 EUR per install" in admin.text

    by_campaign = admin.get(f"/apps/{app.id}/reports?split=campaign&by=total").text
    assert "Acme · spring" in by_campaign
    assert "No costs are known" not in by_campaign
    assert "3.75" in by_campaign
    assert "266.7%" in by_campaign
    file = admin.get(f"/apps/{app.id}/reports.csv?split=link&by=total").text
    assert "(no link of Acme)" in file
    assert "cost per install (EUR)" in file.splitlines()[0]


def test_costs_of_long_ago_are_shown_once_they_are_uploaded(admin: Browser, app: App) -> None:
    at = f"/apps/{app.id}/reports/costs"
    admin.get(at)

    admin.send(f"{at}/upload", csv=f"{HEADING}2024-01-01,Acme,,EUR,3\n2025-12-31,Acme,,EUR,4\n")

    assert "2 costs have been stored, of 2024-01-01 to 2025-12-31" in admin.text
    assert "Uploaded costs from 2024-11-27 to 2025-12-31" in admin.text
    assert admin.get(f"{at}?from=2024-01-01&to=2024-01-01").text.count("3.00") == 1


@pytest.mark.parametrize(
    ("csv", "sentence"),
    [
        ("", "The first line must name the columns"),
        (f"{HEADING}2026-11-01,<b>,,EUR,1", "no partner with this name"),
        (f"{HEADING}yesterday,Acme,,EUR,1", "Line 2: day must be a date"),
    ],
)
def test_a_wrong_upload_is_shown_again_with_the_reason(
    admin: Browser, app: App, csv: str, sentence: str
) -> None:
    at = f"/apps/{app.id}/reports/costs"
    admin.get(at)

    result = admin.send(f"{at}/upload", csv=csv)

    assert result.status_code in {400, 422}
    assert sentence in admin.text
    assert "No uploaded costs" in admin.get(at).text


@pytest.mark.parametrize(
    "changes", [{"amount": "x"}, {"per": "sale"}, {"link": "9"}, {"since": ""}]
)
def test_a_price_that_is_none_is_refused(admin: Browser, app: App, changes: dict[str, str]) -> None:
    admin.get(f"/apps/{app.id}/reports/costs")
    form = {"link": "1", "per": "click", "amount": "1", "currency": "EUR", "since": "2026-11-01"}

    result = admin.send(f"/apps/{app.id}/reports/costs/price", **{**form, **changes})

    assert result.status_code == 400


@pytest.mark.parametrize("metric", ["retention", "ltv", "revenue"])
def test_cohorts_are_shown_with_the_table_of_their_file(
    viewer: Browser, app: App, metric: str
) -> None:
    query = f"metric={metric}&span=day&split=partner"
    page = viewer.get(f"/apps/{app.id}/reports/cohorts?{query}").text
    lines = viewer.get(f"/apps/{app.id}/reports/cohorts.csv?{query}").text.splitlines()

    assert "Acme" in page
    assert "not yet" in page
    assert lines[0].startswith("first day (UTC),source,users,D0,D1")
    assert lines[1].split(",")[1:3] == ["Acme", "1"]


def test_an_invalid_question_keeps_the_page_of_cohorts(viewer: Browser, app: App) -> None:
    page = viewer.get(f"/apps/{app.id}/reports/cohorts?partner=nobody&span=century&metric=ltv")

    assert page.status_code == 200
    assert "no partner with this name" in page.text
    assert "not one of day, week, month" in page.text
    assert "Revenue per user" in page.text
