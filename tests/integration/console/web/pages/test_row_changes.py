"""Tests that each name of a report is compared with the period before, wherever it is read."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from falcon import testing

from console.accounts.api_keys import create_key
from console.actor import Role
from console.apps.apps import App
from console.main import run_command
from console.reports.schedules.report_message import write_report
from console.reports.schedules.report_schedules import create_schedule
from console.reports.schedules.schedule import ReportChannel, ScheduleForm
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import BadValue
from shared.events import Kind
from shared.ids import new_receipt
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import Ask
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import App as Console
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PLACES = {"de": (4, 1), "at": (2, 0), "fr": (0, 3), "ch": (3, 2)}  # events of this week and before
BY_DIFFERENCE = [
    ["Germany (DE)", "4", "1", "3", "3.000", "4"],
    ["Austria (AT)", "2", "0", "2", "", "2"],
    ["Switzerland (CH)", "3", "2", "1", "0.500", "3"],
    ["France (FR)", "0", "3", "-3", "-1.000", "0"],
]
TOTAL = ["total", "9", "6", "3", "0.500", "9"]
HEADING = ["country", "events, this period", "events, earlier period", "difference", "change"]


@pytest.fixture
def days(connection: Connection, shop: App) -> tuple[str, str]:
    """Stores events of two weeks that are over; provides the first and last day of the later."""
    today_ms = now_ms() // DAY_MS * DAY_MS
    for country, counts in PLACES.items():
        for week, count in enumerate(counts):
            at_ms = today_ms - (4 + 7 * week) * DAY_MS + 12 * HOUR_MS
            for number in range(count):
                store(
                    connection,
                    fresh(app_id=shop.id, user_id=country, kind=Kind.EVENT, event_id="buy",
                          event_time_ms=at_ms + number, parameters={"country": country}),
                )  # fmt: skip
    count_all(connection)
    today = datetime.fromtimestamp(today_ms / 1000, UTC).date()
    return str(today - timedelta(days=7)), str(today - timedelta(days=1))


def _query(days: tuple[str, str], sort: str = "difference") -> str:
    return (
        f"from={days[0]}&to={days[1]}&by=total&split=country&compare=previous"
        f"&column=events&sort={sort}"
    )


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_names_are_sorted_by_how_much_they_grew_on_the_page_and_in_the_file(
    viewer: Browser, shop: App, days: tuple[str, str]
) -> None:
    at = f"/apps/{shop.id}/reports"
    heading, *rows, total = _read(viewer.get(f"{at}.csv?{_query(days)}").text)

    assert heading == [*HEADING, "events"]
    assert (rows, total) == (BY_DIFFERENCE, TOTAL)
    names = [row[0] for row in _read(viewer.get(f"{at}.csv?{_query(days, 'change')}").text)[1:]]
    assert names == ["Germany (DE)", "Switzerland (CH)", "France (FR)", "Austria (AT)", "total"]
    page = viewer.get(f"{at}?{_query(days)}").text
    tables = [part.partition("</table>")[0] for part in page.split("<table")]
    (table,) = [part for part in tables if "events, earlier period" in part]
    cells = [re.findall(r"<t[dh][^>]*>(?:<a [^>]*>)?([^<]*)", row) for row in table.split("<tr>")]
    assert ["Germany (DE)", "4", "1", "3", "+300.0%", "4"] in cells
    assert ["France (FR)", "0", "3", "-3", "-100.0%", "0"] in cells
    assert [row[0] for row in cells[2:6]] == [row[0] for row in BY_DIFFERENCE]


def test_programs_and_the_terminal_get_the_same_names_in_the_same_order(
    console: Console,
    connection: Connection,
    ask: Ask,
    shop: App,
    days: tuple[str, str],
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = create_key(connection, SECRET_KEY, ADMIN, "reports", Role.VIEWER).secret

    def call(query: str) -> Any:
        return testing.TestClient(console).simulate_get(
            f"/api/v1/apps/{shop.id}/report",
            query_string=query,
            headers={"Authorization": f"Bearer {key}"},
        )

    query = _query(days).replace("&column=events", "&measure=events")
    options = ("--from", days[0], "--to", days[1], "--by", "total", "--split", "country")
    compared = ("--compare", "previous", "--measure", "events", "--sort", "difference")
    command = ["report", "--app", "Shop", *options, *compared]
    answered, printed = call(query).json["rows"], ask(*command)["report"]["rows"]
    capsys.readouterr()
    assert run_command([*command, "--column", "events", "--csv"], variables) == 0
    file = _read(capsys.readouterr().out)

    assert answered == printed
    assert [
        [row["name"], *(row["comparison"][part]["events"] for part in ("current", "earlier"))]
        for row in answered
    ] == [[line[0], int(line[1]), int(line[2])] for line in BY_DIFFERENCE]
    assert {row["comparison"]["earlier"]["users"] for row in answered} == {None}
    assert file[1:] == [*BY_DIFFERENCE, TOTAL]
    by_day = call(query.replace("by=total", "by=day"))
    assert by_day.status_code == 422
    assert "Sort by difference needs the interval total" in by_day.json["error"]["message"]
    plain = call(f"from={days[0]}&to={days[1]}&by=total&split=country").json["rows"]
    assert {row["comparison"] for row in plain} == {None}


def test_a_saved_view_and_a_scheduled_report_keep_the_order_by_change(
    viewer: Browser, connection: Connection, resources: Resources, shop: App, days: tuple[str, str]
) -> None:
    at = f"/apps/{shop.id}/reports"
    viewer.get(f"{at}?{_query(days)}&measure=events")
    viewer.send(f"{at}/views", name="What grew")
    ((query,),) = connection.execute("SELECT query FROM saved_views").fetchall()
    form = ScheduleForm(
        name="What grew", query=query, channel=ReportChannel.MAIL, target="ada@example.com"
    )
    schedule = create_schedule(resources, ADMIN, shop, form, now_ms)
    now = datetime.now(UTC)
    message = write_report(
        connection, shop, schedule, (now, now), new_receipt(now_ms()), "http://console.test"
    )

    assert {"sort=difference", "compare=previous", "measure=events"} <= {*query.split("&")}
    assert _read(message.content.decode())[1:] == [*BY_DIFFERENCE, TOTAL]
    with pytest.raises(BadValue, match="by change needs the interval total"):
        create_schedule(
            resources,
            ADMIN,
            shop,
            ScheduleForm(
                name="By day",
                query="split=country&compare=previous&sort=change",
                channel=ReportChannel.MAIL,
                target="ada@example.com",
            ),
            now_ms,
        )


def test_a_page_leads_from_its_breakdown_to_the_comparison_of_each_name(
    viewer: Browser, shop: App, days: tuple[str, str]
) -> None:
    at = f"/apps/{shop.id}/reports"
    page = viewer.get(f"{at}?from={days[0]}&to={days[1]}&split=country").text
    (query,) = re.findall(r'href="\?([^"]*)">Compare each country with the period before', page)

    compared = viewer.get(f"{at}?{query.replace('&amp;', '&')}").text

    assert "events, earlier period" in compared
    assert "Compare each" not in compared
    wrong = viewer.get(f"{at}?split=country&sort=change&by=week").text
    assert "Sort by change needs the interval total, a breakdown and a comparison." in wrong
    assert "&#39;week&#39; is not one of" in wrong
