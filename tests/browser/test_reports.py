"""Reads reports as a person does: every day is drawn, and today is marked."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.browser.test_protection import add_app
from tests.system.product import Waybill
from tests.system.servers import until


def send_events(waybill: Waybill, name: str, days_ago: tuple[int, ...]) -> None:
    """Sends an open for each of these days and waits until today's is in the report."""
    token = waybill.json("token", "create", "--app", name, "--name", "backend")["secret"]
    now = datetime.now(UTC)
    for days in days_ago:
        at = now - timedelta(days=days)
        query = {"s2s_token": token, "user_id": f"user {days}", "event_id": "__open"}
        query["event_time"] = str(int(at.timestamp()))
        with urlopen(f"{waybill.url}/postback?{urlencode(query)}", timeout=60) as answer:
            waybill.recorded_event(json.load(answer)["id"])

    def counted() -> bool:
        total = waybill.json("report", "--app", name, "--period", "28d", "--by", "total")["report"][
            "total"
        ]
        return bool(total["events"] >= len(days_ago))

    until(counted, 30, "the events being counted")


def test_every_day_is_drawn_and_a_period_is_chosen_and_compared(
    waybill: Waybill, page: Page
) -> None:
    add_app(page, "Sparse")
    send_events(waybill, "Sparse", (9, 4, 0))
    today = datetime.now(UTC).date()
    first = today - timedelta(days=13)

    page.get_by_role("link", name="Reports", exact=True).click()
    address = f"{page.url.split('?')[0]}?from={first}&to={today}"
    for split in ("none", "partner"):
        page.goto(f"{address}&split={split}")
        expect(page.locator(".chart circle")).to_have_count(14)
        expect(page.locator(".chart path.line:not(.so-far)")).to_have_count(1)
        expect(page.locator(".sheet tbody tr")).to_have_count(14)
        expect(page.get_by_role("rowheader", name=f"{today} so far")).to_be_visible()
        expect(page.get_by_text("not over: it shows what there is so far")).to_be_visible()

    # A preset replaces the dates and keeps the rest; a comparison says up to which hour.
    page.get_by_role("navigation", name="Period").get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("Break down by")).to_have_value("partner")
    expect(page.locator(".sheet tbody tr")).to_have_count(7)
    page.get_by_label("Compare with").select_option("previous")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Compared with")).to_be_visible()


def test_a_report_is_broken_down_twice_and_filtered_by_ticking(
    waybill: Waybill, page: Page, plain: Page
) -> None:
    add_app(page, "Ticked")
    send_events(waybill, "Ticked", (1, 0))
    page.get_by_role("link", name="Reports", exact=True).click()
    page.get_by_label("Break down by").select_option("partner")
    page.get_by_label("then by").select_option("country")
    page.get_by_text("Partner or source: any").click()
    page.get_by_role("checkbox", name="Without (organic)").check()
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_text("Partner or source: all without (organic)")).to_be_visible()
    expect(page.get_by_role("heading", name="No data for this report")).to_be_visible()

    # Without JavaScript, and with the same address.
    plain.goto(page.url)
    plain.get_by_text("Partner or source: all without (organic)").click()
    plain.get_by_role("checkbox", name="Without (organic)").uncheck()
    plain.get_by_role("checkbox", name="Only (organic)").check()
    plain.get_by_role("button", name="Show").click()
    expect(plain.get_by_role("rowheader", name="total")).to_be_visible()
    expect(plain.get_by_role("columnheader", name="country")).to_be_visible()
    expect(plain.get_by_role("cell", name="(unknown country)").first).to_be_visible()


def test_the_rows_that_a_page_does_not_show_are_behind_next_rows(
    waybill: Waybill, page: Page, plain: Page
) -> None:
    add_app(page, "Long")
    send_events(waybill, "Long", (9, 0))
    today = datetime.now(UTC).date()
    first = today - timedelta(days=399)
    page.get_by_role("link", name="Reports", exact=True).click()
    page.goto(f"{page.url.split('?')[0]}?from={first}&to={today}&measure=installs&column=installs")

    for reader in (page, plain):
        reader.goto(page.url)
        rows = reader.locator(".sheet tbody tr")
        expect(reader.get_by_text("Rows 1 to 300 of 400; the file has them all.")).to_be_visible()
        expect(rows).to_have_count(300)
        expect(rows.first.get_by_role("rowheader")).to_have_text(str(first))
        expect(reader.get_by_role("link", name="Rows before")).to_have_count(0)
        reader.get_by_role("link", name="Next rows").click()

        # The next page begins where this one ended, with the same total, metric and columns.
        expect(reader.get_by_text("Rows 301 to 400 of 400")).to_be_visible()
        expect(rows).to_have_count(100)
        expect(rows.first.get_by_role("rowheader")).to_have_text(str(first + timedelta(days=300)))
        expect(rows.last.get_by_role("rowheader")).to_have_text(f"{today} so far")
        total = reader.locator(".sheet tfoot tr")
        expect(total.get_by_role("cell")).to_have_text(["2"])
        expect(reader.get_by_label("Metric", exact=True)).to_have_value("installs")
        expect(reader.get_by_role("link", name="Next rows")).to_have_count(0)
        reader.get_by_role("link", name="Rows before").click()
        expect(rows).to_have_count(300)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert (len(lines), lines[-1]) == (402, "total,2")


def test_the_country_that_grew_most_is_found_from_a_report_by_country(
    waybill: Waybill, page: Page, plain: Page
) -> None:
    add_app(page, "Growing")
    send_events(waybill, "Growing", (12, 11, 3))
    for reader in (page, plain):
        page.get_by_role("link", name="Reports", exact=True).click()
        reader.goto(f"{page.url.split('?')[0]}?period=7d")
        reader.get_by_label("Break down by").select_option("country")
        reader.get_by_role("button", name="Show").click()
        reader.get_by_role("link", name="Compare each country with the period before").click()

        expect(reader.get_by_label("Compare with")).to_have_value("previous")
        expect(reader.get_by_label("Sort rows by")).to_have_value("difference")
        expect(reader.get_by_role("columnheader", name="events, earlier period")).to_be_visible()
        table = reader.locator(".sheet", has_text="events, earlier period")
        row = table.locator("tbody tr").first.locator("th, td")
        expect(row.first).to_have_text("(unknown country)")
        expect(row.nth(1)).to_have_text("1")
        expect(row.nth(2)).to_have_text("2")
        expect(row.nth(3)).to_have_text("-1")
        expect(row.nth(4)).to_have_text("-50.0%")
        reader.get_by_label("Metric", exact=True).select_option("installs")
        reader.get_by_role("button", name="Show").click()
        expect(reader.get_by_role("columnheader", name="new users, earlier period")).to_be_visible()


def test_a_chart_is_read_switched_and_zoomed_by_pointer_and_keyboard(
    waybill: Waybill, page: Page, plain: Page
) -> None:
    add_app(page, "Drawn")
    send_events(waybill, "Drawn", (9, 4, 0))
    page.get_by_role("link", name="Reports", exact=True).click()
    page.goto(f"{page.url.split('?')[0]}/activity?period=28d")
    chart = page.get_by_role("group", name="Active users")
    status, whole = chart.get_by_role("status"), chart.get_by_role("button", name="Whole period")
    days = [datetime.now(UTC) - timedelta(days=n) for n in range(28)]

    # The picture stays for screen readers, with its title and description.
    expect(chart.get_by_role("img", name="Active users")).to_be_attached()
    box = chart.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 100)
    expect(status).to_contain_text(f"{days[0]:%d %b} so far: DAU 1 · WAU 2 · MAU 3")

    chart.get_by_role("button", name="WAU").click()
    expect(chart.get_by_role("button", name="WAU", pressed=False)).to_be_visible()
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text(f"{days[0]:%d %b} so far: DAU 1 · MAU 3")
    page.keyboard.press("ArrowLeft")
    expect(status).to_contain_text(f"{days[1]:%d %b}: DAU 0 · MAU 2")

    expect(whole).to_be_hidden()
    page.keyboard.press("+")
    expect(whole).to_be_visible()
    page.keyboard.press("Escape")
    expect(whole).to_be_hidden()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 100)
    page.mouse.up()
    expect(whole).to_be_visible()
    whole.click()
    expect(whole).to_be_hidden()

    # Without JavaScript the picture is what people see.
    plain.goto(page.url)
    expect(plain.locator(".chart svg")).to_be_visible()
    expect(plain.locator(".chart canvas")).to_have_count(0)
    expect(plain.get_by_text("Point at a day")).to_have_count(0)


def test_a_file_with_the_costs_of_last_year_is_uploaded_and_shown(
    waybill: Waybill, page: Page, tmp_path: Path
) -> None:
    add_app(page, "Costly")
    waybill.json(
        *("link", "create", "--app", "Costly", "--partner", "Acme", "--name", "Costly spring"),
        *("--destination", "https://shop.example/"),
    )
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
    lines = ["day,partner,currency,amount", *(f"{day},Acme,EUR,10" for day in days)]
    file, large = tmp_path / "costs-2025.csv", tmp_path / "large.csv"
    file.write_text("\n".join(lines))
    large.write_text("\n".join(lines * 40))
    page.get_by_role("link", name="Reports", exact=True).click()
    page.get_by_role("link", name="Costs").click()

    page.get_by_label("CSV file").set_input_files(large)
    expect(page.get_by_text("The file is too large for this page")).to_be_visible()
    page.get_by_label("CSV file").set_input_files(file)
    expect(page.get_by_text("costs-2025.csv is shown below")).to_be_visible()
    page.get_by_role("button", name="Upload").click()

    said = "365 costs have been stored, of 2025-01-01 to 2025-12-31."
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.locator(".sheet tbody tr")).to_have_count(365)


def test_an_app_gets_a_time_zone_whose_name_stands_beside_its_days(
    waybill: Waybill, page: Page
) -> None:
    add_app(page, "Eastern")
    send_events(waybill, "Eastern", (3, 0))
    # Kiritimati is 14 hours ahead: what happened in the last ten hours of a UTC day is of the next.
    ahead = timezone(timedelta(hours=14))
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Time zone").fill("Pacific/Kiritimati")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Days are counted in Pacific/Kiritimati from now on")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Pacific/Kiritimati")

    page.get_by_role("link", name="Reports", exact=True).click()
    today = datetime.now(ahead).date()
    expect(page.get_by_label("To (Pacific/Kiritimati)")).to_have_value(str(today))
    expect(page.get_by_role("columnheader", name="day (Pacific/Kiritimati)")).to_be_visible()
    expect(page.get_by_role("rowheader", name=f"{today} so far")).to_be_visible()

    def recounted() -> bool:
        report = waybill.json("report", "--app", "Eastern", "--period", "7d")["report"]
        return bool(report["other_zone_days"] == 0 and report["total"]["events"] == 2)

    until(recounted, 90, "the days being counted again")
    page.reload()
    expect(page.locator("#recount")).to_have_count(0)
    expect(page.get_by_role("rowheader", name=f"{today} so far")).to_be_visible()

    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("Time zone must be the name of a time zone")
