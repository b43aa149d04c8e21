"""Tests the pages of reports: metrics with their chart and table, and the same table as a file."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from falcon import testing

from console.accounts.api_keys import create_key
from console.actor import Role
from console.apps.apps import App
from console.apps.switches import change_switches
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser, Document
from tests.integration.console.web.conftest import App as Console
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

DAY_MS = 86_400_000
STRANGE = '=HYPERLINK("//x")<script>alert(1)</script>'
PATHS = ("reports", "reports/activity", "reports/retention")


@pytest.fixture
def app(connection: Connection, shop: App) -> App:
    """Stores two users of yesterday: one from a source that is markup, one organic and paying."""
    at_ms = now_ms() - DAY_MS
    receipt = new_receipt(at_ms)
    click = fresh(
        app_id=shop.id,
        kind=Kind.CLICK,
        receipt=receipt,
        click_id=click_id_of(receipt),
        event_time_ms=at_ms,
        user_id="",
        event_id="",
        parameters={"site": STRANGE, "campaign": STRANGE},
    )
    store(
        connection,
        click,
        _event(shop, "ann", at_ms + 1, click_id=click.click_id, parameters={"country": STRANGE}),
        _event(shop, "ben", at_ms + 2, parameters={"country": "fr"}),
        _event(shop, "ben", at_ms + 3, kind=Kind.EVENT, event_id="buy", sale_amount="1234.5",
               sale_amount_currency="EUR"),
    )  # fmt: skip
    count_all(connection)
    return shop


def _event(app: App, user: str, at_ms: int, **changes: object) -> Event:
    usual = {"app_id": app.id, "user_id": user, "kind": Kind.OPEN, "event_id": "__open"}
    return fresh(**{**usual, "event_time_ms": at_ms, **changes})


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def _shown(document: Document) -> list[str]:
    return document.text.split()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["", "?environment=sandbox", "?from=2026-01-01&to=2026-01-05"])
def test_a_report_is_shown_with_and_without_figures(
    viewer: Browser, app: App, path: str, query: str
) -> None:
    assert viewer.get(f"/apps/{app.id}/{path}{query}").status_code == 200


@pytest.mark.parametrize("by", ["hour", "day", "total"])
@pytest.mark.parametrize("split", ["none", "partner", "link", "campaign", "country", "event"])
def test_every_cut_is_shown_with_the_table_of_its_file(
    viewer: Browser, app: App, by: str, split: str
) -> None:
    yesterday = datetime.fromtimestamp(now_ms() / 1000, UTC).date() - timedelta(days=1)
    query = f"from={yesterday}&to={yesterday}&by={by}&split={split}"

    page = viewer.get(f"/apps/{app.id}/reports?{query}")
    file = viewer.ask("GET", f"/apps/{app.id}/reports.csv", query_string=query)

    assert (page.status_code, file.status_code) == (200, 200)
    assert "attachment" in file.headers["content-disposition"]
    text = viewer.text.replace(",", "")
    for line in _read(file.text):
        for cell in line:
            value = cell.removeprefix("'")
            assert value in text or f"{float(value):.1%}" in text


def test_figures_are_told_apart_and_filtered_by_country(viewer: Browser, app: App) -> None:
    def events(query: str) -> dict[str, str]:
        query = f"by=total&split=country&{query}"
        file = viewer.ask("GET", f"/apps/{app.id}/reports.csv", query_string=query)
        return {line[0]: line[1] for line in _read(file.text)[1:-1]}

    assert events("") == {"(unknown country)": "2", "France (FR)": "1"}
    assert events("country=FR") == {"France (FR)": "1"}
    page = viewer.get(f"/apps/{app.id}/reports?by=total&split=country&country=France+(FR)")
    ticked = re.findall(
        r'name="country!?" value="([^"]*)" aria-label="(\w+) [^"]*"( checked)?', page.text
    )
    assert [each for each in ticked if each[2]] == [("France (FR)", "Only", " checked")]
    assert ("(unknown country)", "Without", "") in ticked
    assert events("country=FR&country=(unknown country)") == events("")
    assert events("country!=France (FR)") == {"(unknown country)": "2"}


def test_several_breakdowns_and_filters_are_the_same_on_the_page_in_the_file_and_for_programs(
    viewer: Browser, app: App, connection: Connection
) -> None:
    query = urlencode(
        {
            "period": "7d",
            "by": "total",
            "split": ["country", "event", "none"],
            "event!": ["ad revenue", "(unmapped)"],
            "country": ["FR", "(unknown country)"],
            "campaign": "",
        },
        doseq=True,
    )
    page = viewer.get(f"/apps/{app.id}/reports?{query}")
    chosen = re.findall(r'<option value="(\w+)" selected', page.text)
    lines = _read(viewer.get(f"/apps/{app.id}/reports.csv?{query}").text)
    key = create_key(connection, SECRET_KEY, ADMIN, "reader", Role.VIEWER).secret
    answered = viewer.ask(
        "GET",
        f"/api/v1/apps/{app.id}/report",
        query_string=query,
        headers={"Authorization": f"Bearer {key}"},
    ).json

    assert page.status_code == 200
    assert lines[0][:3] == ["country", "event", "events"]
    assert [line[:3] for line in lines[1:]] == [
        ["(unknown country)", "open", "1"], ["France (FR)", "open", "1"], ["total", "", "2"]
    ]  # fmt: skip
    assert chosen.count("country") == chosen.count("event") == 1
    assert [(row["names"], row["name"]) for row in answered["rows"]] == [
        (["(unknown country)", "open"], "(unknown country) · open"),
        (["France (FR)", "open"], "France (FR) · open"),
    ]
    assert answered["question"]["then"] == ["event"]
    assert answered["question"]["filters"]["event"] == {
        "only": [],
        "without": ["ad revenue", "(unmapped)"],
    }
    (file,) = [part for part in page.text.split('"') if "/reports.csv?" in part]
    assert _read(viewer.get(unescape(file)).text) == lines


def test_another_period_keeps_all_breakdowns_filters_and_columns(viewer: Browser, app: App) -> None:
    kept = [
        ("split", "country"), ("split", "event"), ("split", "none"),
        ("country", "FR"), ("country", "(unknown country)"),
        ("column", "events"), ("column", "revenue"),
    ]  # fmt: skip
    page = viewer.get(f"/apps/{app.id}/reports?{urlencode([('period', '7d'), *kept])}").text
    (query,) = re.findall(r'href="\?(period=last_week&amp;[^"]*)"', page)

    assert sorted(parse_qsl(unescape(query))) == sorted([("period", "last_week"), *kept])


def test_a_view_keeps_all_its_breakdowns_and_filters(viewer: Browser, app: App) -> None:
    filters = "country!=France (FR)&event=open&event=ad revenue"
    at = f"/apps/{app.id}/reports?period=7d&split=country&split=event&{filters}"
    viewer.get(at)

    viewer.send(f"/apps/{app.id}/reports/views", name="Kept")

    links = re.findall(r'<a href="([^"]*)" aria-current="true">Kept', viewer.get(at).text)
    assert [parse_qsl(urlsplit(unescape(link)).query) for link in links] == [
        [
            ("period", "7d"), ("environment", "production"), ("by", "day"),
            ("split", "country"), ("split", "event"),
            ("country!", "France (FR)"), ("event", "open"), ("event", "ad revenue"),
            ("currency", "EUR"), ("compare", "none"),
        ]
    ]  # fmt: skip


def test_a_report_says_that_unverified_senders_are_in_it(
    viewer: Browser, app: App, resources: Resources
) -> None:
    said = []
    for is_on in (False, True):
        change_switches(resources, ADMIN, app, {"sdk_traffic": is_on})
        viewer.get(f"/apps/{app.id}/reports")
        said.append("unverified senders" in viewer.text)
    assert said == [False, True]


def test_events_of_unverified_senders_have_a_column_where_there_are_any(
    viewer: Browser, app: App, connection: Connection, console: Console
) -> None:
    key = create_key(connection, SECRET_KEY, ADMIN, "reports", Role.VIEWER).secret
    client = testing.TestClient(console)
    headers = {"Authorization": f"Bearer {key}"}

    def seen(query: str) -> tuple[bool, list[dict[str, str]], list[tuple[str, int]]]:
        page = viewer.get(f"/apps/{app.id}/reports?{query}")
        file = viewer.ask("GET", f"/apps/{app.id}/reports.csv", query_string=query)
        head, *lines, _ = _read(file.text)
        path = f"/api/v1/apps/{app.id}/report"
        rows = client.simulate_get(path, query_string=query, headers=headers).json["rows"]
        return (
            "of unverified senders" in page.text,
            [dict(zip(head, line, strict=True)) for line in lines],
            [(row["name"], row["figures"]["unverified"]) for row in rows],
        )

    is_shown, lines, rows = seen("by=total&split=country")
    assert not is_shown
    assert "of unverified senders" not in lines[0]
    assert {count for _, count in rows} == {0}

    at_ms = now_ms() - DAY_MS + 10
    store(
        connection,
        _event(app, "eve", at_ms, sdk="js5.8.3", parameters={"country": "fr"}),
        _event(app, "eve", at_ms + 1, parameters={"country": "fr"}),
    )
    count_all(connection)
    is_shown, lines, rows = seen("by=total&split=country")
    assert is_shown
    by_country = {
        line["country"]: (line["events"], line["of unverified senders"]) for line in lines
    }
    assert by_country == {"France (FR)": ("3", "1"), "(unknown country)": ("2", "0")}
    assert sorted(rows) == [("(unknown country)", 0), ("France (FR)", 1)]
    _, lines, _ = seen("by=total&split=event")
    assert sorted(line["of unverified senders"] for line in lines) == ["0", "1"]
    page = viewer.get(f"/apps/{app.id}/reports?by=day&measure=unverified")
    assert "Of unverified senders" in page.text


def test_a_receipt_and_a_timeline_say_in_which_country_an_event_was(
    viewer: Browser, app: App
) -> None:
    lines = viewer.ask("GET", f"/apps/{app.id}/events.ndjson").content.splitlines()
    (receipt,) = [event["receipt"] for event in map(json.loads, lines) if event["country"]]

    viewer.get(f"/receipts/{receipt}")
    assert "country FR" in viewer.text
    viewer.get(f"/apps/{app.id}/users/timeline?user_id=ben")
    assert "in France" in viewer.text


def test_a_country_that_is_markup_is_text_wherever_it_is_shown(viewer: Browser, app: App) -> None:
    strange = quote(STRANGE)
    report = viewer.get(f"/apps/{app.id}/reports?split=country&country={strange}")
    stored = viewer.ask("GET", f"/apps/{app.id}/events.ndjson")
    receipts = [json.loads(line)["receipt"] for line in stored.content.splitlines()]
    receipt_page = viewer.get(f"/receipts/{receipts[0]}")

    assert (report.status_code, receipt_page.status_code) == (200, 200)
    assert STRANGE in viewer.text
    for page in (report, receipt_page):
        assert "<script>alert" not in page.text


@pytest.mark.parametrize("by", ["day", "total"])
def test_every_column_has_its_chart(viewer: Browser, app: App, by: str) -> None:
    for measure in ("users", "revenue", "organic", "value", "nonsense"):
        query = f"by={by}&split=partner&measure={measure}"
        assert viewer.get(f"/apps/{app.id}/reports?{query}").status_code == 200
        assert "svg" in viewer.page.tags


def test_what_came_from_outside_is_text_on_the_page_and_in_the_file(
    viewer: Browser, app: App
) -> None:
    query = "by=total&split=partner"
    page = viewer.get(f"/apps/{app.id}/reports?{query}")
    file = viewer.ask("GET", f"/apps/{app.id}/reports.csv", query_string=query)

    assert "<script>alert" not in page.text
    assert STRANGE in viewer.text
    assert f"'{STRANGE} (source)" in {line[0] for line in _read(file.text)}
    assert "style" not in viewer.page.attributes


def test_charts_are_pictures_with_a_title_and_a_description(viewer: Browser, app: App) -> None:
    for path in (*PATHS, "reports?by=total&split=partner"):
        viewer.get(f"/apps/{app.id}/{path}")
        assert {"svg", "title", "desc", "table", "caption"} <= set(viewer.page.tags)
        assert "aria-labelledby" in viewer.page.attributes


def test_retention_can_be_asked_of_those_who_came_by_one_partner(viewer: Browser, app: App) -> None:
    files = {
        partner: _read(
            viewer.ask(
                "GET", f"/apps/{app.id}/reports/retention.csv", query_string=f"partner={partner}"
            ).text
        )
        for partner in ("", "(organic)")
    }

    assert [line[1] for line in files[""][1:] if line[1] != "0"] == ["2"]
    assert [line[1] for line in files["(organic)"][1:] if line[1] != "0"] == ["1"]


def test_raw_events_are_streamed_as_lines_of_json(viewer: Browser, app: App) -> None:
    file = viewer.ask("GET", f"/apps/{app.id}/events.ndjson")

    events = [json.loads(line) for line in file.content.splitlines()]
    assert [event["user_id"] for event in events] == ["ann", "ben", "ben"]
    assert events[0]["attributed_to"] == STRANGE
    assert [event["country"] for event in events] == [None, "FR", None]
    assert file.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=yesterday", 400),
        ("by=minute", 400),
        ("period=decade", 400),
        ("compare=tomorrow", 400),
        ("period=7d&to=2026-01-05", 422),
        ("split=user_id", 400),
        ("environment=staging", 400),
        ("from=2026-02-01&to=2026-01-01", 422),
        ("from=2020-01-01&to=2026-01-01", 422),
        ("by=hour&from=2026-01-01&to=2026-03-01", 422),
        ("partner=nobody", 422),
        ("country=nowhere", 422),
        ("currency=QQQ", 422),
        ("event=%27%3B+DROP+TABLE+figures%3B--", 422),
    ],
)
def test_a_file_of_a_question_that_is_none_is_refused_with_a_sentence(
    viewer: Browser, app: App, query: str, status: int
) -> None:
    """Refuses it, because a program would take other figures for these."""
    page = viewer.get(f"/apps/{app.id}/reports.csv?{query}")

    assert page.status_code == status
    assert viewer.text


def test_a_program_gets_the_figures_that_a_page_shows(
    viewer: Browser, app: App, connection: Connection, console: Console
) -> None:
    key = create_key(connection, SECRET_KEY, ADMIN, "reports", Role.VIEWER).secret

    def ask(path: str, query: str = "") -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        client = testing.TestClient(console)
        return client.simulate_get(
            f"/api/v1/apps/{app.id}/{path}", query_string=query, headers=headers
        ).json

    report = ask("report", "by=total&split=partner")
    file = viewer.ask("GET", f"/apps/{app.id}/reports.csv", query_string="by=total&split=partner")

    by_partner = {row["name"]: str(row["figures"]["events"]) for row in report["rows"]}
    by_country = ask("report", "by=total&split=country&country=fr")["rows"]
    assert [(row["name"], row["figures"]["events"]) for row in by_country] == [("France (FR)", 1)]
    assert by_partner == {line[0].removeprefix("'"): line[1] for line in _read(file.text)[1:-1]}
    assert [day["dau"] for day in ask("active-users", "period=7d")] == [0, 0, 0, 0, 0, 2, 0]
    compared = ask("report", "period=7d&compare=previous")["comparison"]
    assert (compared["current"]["events"], compared["earlier"]["events"]) == (3, 0)
    assert [
        cohort["users"] for cohort in ask("retention", "partner=(organic)") if cohort["users"]
    ] == [1]
    assert ask("report", "by=week")["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "From must be a date from 1970-01-01 to 2199-12-31"),
        ("from=2026-02-02&to=2026-02-01", "From must be at most 400 days before the last day"),
        ("period=decade", "&#39;decade&#39; is not one of today, 7d"),
        ("period=7d&from=2026-01-01", "Period cannot be combined"),
        ("environment=staging", "&#39;staging&#39; is not one of production, sandbox"),
        ("by=week", "&#39;week&#39; is not one of hour, day, total"),
        ("by=hour&period=90d", "An hourly report covers at most 31 days."),
        ("split=colour", "&#39;colour&#39; is not one of none, partner"),
        ("compare=ever", "&#39;ever&#39; is not one of none, previous, year"),
        ("currency=XXX", "There are no rates for &#39;XXX&#39;."),
        ("partner=Nobody", "The app has no partner with this name."),
        ("partner=(organic)&partner!=Nobody", "The app has no partner with this name."),
        ("split=partner&split=link&split=event", "A report has at most 3 breakdowns."),
        ("link=Nobody", "The app has no link with this name."),
        ("country=Atlantis", "There is no country with this name."),
        ("event=nothing", "The app has no event type with this name."),
    ],
)
def test_an_invalid_filter_keeps_the_report_and_says_so(
    viewer: Browser, app: App, query: str, sentence: str
) -> None:
    page = viewer.get(f"/apps/{app.id}/reports?split=country&{query}")

    assert page.status_code == 200
    assert f'role="alert">{sentence}' in page.text
    assert "The page is shown without it." in page.text
    assert "France (FR)" in page.text or query.startswith("split")


@pytest.mark.parametrize("path", ["reports/activity", "reports/retention"])
@pytest.mark.parametrize("query", ["from=x", "environment=staging", "partner=Nobody"])
def test_an_invalid_filter_keeps_active_users_and_retention(
    viewer: Browser, app: App, path: str, query: str
) -> None:
    page = viewer.get(f"/apps/{app.id}/{path}?{query}")

    assert page.status_code == 200
    assert "The page is shown without it." in page.text
    assert "A user is active on a day with a session." in page.text
    file = viewer.ask("GET", f"/apps/{app.id}/{path}.csv", query_string=query)
    assert file.status_code in {400, 422}


def test_the_sandbox_is_remembered_until_production_is_chosen(viewer: Browser, app: App) -> None:
    def chosen(path: str) -> str:
        markup = viewer.get(f"/apps/{app.id}{path}").text
        name = r'(?:environment=|value=")(production|sandbox)"'
        found = re.search(rf"{name} aria-current|{name} selected", markup)
        assert found, markup
        return found[1] or found[2]

    pages = ("", "/reports", "/reports/activity", "/reports/retention", "/users", "/events")
    assert {chosen(path) for path in pages} == {"production"}
    assert chosen("/users?environment=sandbox") == "sandbox"
    assert {chosen(path) for path in pages} == {"sandbox"}
    assert chosen("/reports?environment=staging") == "sandbox"
    assert chosen("?environment=production") == "production"
    assert {chosen(path) for path in pages} == {"production"}


def test_a_day_that_is_not_over_is_told_apart_from_nobody(viewer: Browser, app: App) -> None:
    page = viewer.get(f"/apps/{app.id}/reports/retention?period=7d")

    cells = re.findall(r'<td class="number">([^<]*)</td>', page.text)
    assert "not yet" in cells
    assert page.text.count('class="not-yet"') == page.text.count('class="heat-none"') > 0


def test_columns_are_chosen_and_rows_sorted_on_the_page_and_in_the_file(
    viewer: Browser, app: App
) -> None:
    query = "split=country&by=total&column=events&column=revenue&sort=events"
    lines = _read(viewer.get(f"/apps/{app.id}/reports.csv?{query}").text)
    page = viewer.get(f"/apps/{app.id}/reports?{query}").text

    assert lines[0] == ["country", "events", "revenue (EUR)"]
    counts = [int(line[1]) for line in lines[1:-1]]
    assert len(counts) > 1
    assert counts == sorted(counts, reverse=True)
    assert 'name="column" value="revenue" checked' in page
    assert "column=events&amp;column=revenue" in page
    refused = viewer.get(f"/apps/{app.id}/reports?column=colour&sort=events")
    assert refused.status_code == 200
    assert "must be one of events" in refused.text


def test_a_view_is_kept_for_one_person_and_shows_the_same_to_whoever_has_its_link(
    viewer: Browser, admin: Browser, app: App
) -> None:
    at = f"/apps/{app.id}/reports"
    viewer.get(f"{at}?period=7d&split=country&column=events&sort=events&measure=revenue")

    viewer.send(f"{at}/views", name="Mornings <b>")

    assert "View Mornings <b> has been saved" in viewer.text
    markup = viewer.get(at).text
    assert "Mornings &lt;b&gt;" in markup
    links = [part for part in markup.split('"') if part.startswith(f"{at}?period=7d")]
    (link,) = [link for link in links if "measure=revenue" in link]
    assert "from=" not in link
    shared = admin.get(unescape(link)).text
    assert "Mornings" not in shared
    assert '<option value="country" selected' in shared
    assert 'value="events" checked' in shared

    (delete,) = [form.action for form in viewer.page.forms if form.action.endswith("/delete")]
    (save,) = [form for form in admin.page.forms if form.action.endswith("/views")]
    admin.post(delete, {"csrf": save.fields["csrf"]})
    assert "You have no such view" in admin.text
    viewer.send(delete)

    assert "View Mornings <b> has been deleted" in viewer.text
    assert "Mornings" not in viewer.get(at).text


def test_a_view_without_a_name_or_of_no_query_is_refused(viewer: Browser, app: App) -> None:
    at = f"/apps/{app.id}/reports"
    for values in (
        {"name": " "},
        {"name": "x", "query": "&&"},
        {"name": "x", "query": "a=" + "a" * 4_000},
    ):
        viewer.get(at)

        assert viewer.send(f"{at}/views", **values).status_code == 422


def test_rows_lead_to_their_events_in_the_order_in_which_they_are_sorted(
    viewer: Browser, app: App
) -> None:
    query = "by=total&split=country&sort=revenue&environment=production"
    table = viewer.get(f"/apps/{app.id}/reports?{query}").text.partition('<div class="table sheet')[
        2
    ]
    rows = [unescape(row.partition('href="')[2].partition('"')[0])
            for row in table.split('<th scope="row">')[1:3]]  # fmt: skip

    assert ["unknown" in row for row in rows] == [True, False]  # where the revenue is
    assert all(row.startswith(f"/apps/{app.id}/events/log?environment=production") for row in rows)
    assert viewer.get(rows[0]).status_code == 200
    assert "ben" in viewer.text
    days = viewer.get(f"/apps/{app.id}/reports/activity").text
    assert f'href="/apps/{app.id}/events/log?environment=production' in days
