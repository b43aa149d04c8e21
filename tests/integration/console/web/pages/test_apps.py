"""Tests the pages of apps: create, view, change settings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from console.apps.apps import App, app_with_id, list_apps
from console.apps.limits import read_limits
from console.apps.rules import read_rules
from console.apps.switches import read_switches
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.limits.app_limits import DEFAULT_LIMITS
from shared.rules import DAY_MS
from shared.zones.app_days import zone_names
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR
SETTINGS = {
    "name": "Shop",
    "currency": "USD",
    "destination": "https://shop.example/?c={click_id}",
    "click-window-days": "14",
}


def test_the_first_app_is_created_from_the_empty_page(
    admin: Browser, connection: Connection
) -> None:
    admin.get("/")
    assert "No apps yet" in admin.text
    admin.get("/apps/new")

    admin.send("/apps/new", name=" Shop ", app_token="abc123def456")

    (app,) = list_apps(connection)
    assert (app.name, app.app_token) == ("Shop", "abc123def456")
    assert admin.path == f"/apps/{app.id}"
    assert "App Shop has been created." in admin.text
    assert "App Shop has been created." not in admin.get(admin.path).text


def test_settings_are_saved_together(admin: Browser, shop: App, connection: Connection) -> None:
    admin.get(f"/apps/{shop.id}/settings")

    admin.send(f"/apps/{shop.id}/settings", **SETTINGS)

    saved_app = app_with_id(connection, shop.id)
    assert saved_app is not None
    assert (saved_app.currency, saved_app.destination) == ("USD", SETTINGS["destination"])
    assert read_rules(connection, shop).click_deterministic_ms == 14 * DAY_MS
    assert "Existing decisions stay as they are" in admin.text


def test_a_switch_says_its_risk_and_is_turned_on_and_off(
    admin: Browser, shop: App, connection: Connection
) -> None:
    path = f"/apps/{shop.id}/settings"
    assert "Whoever has followed a link knows the ID of their click" in admin.get(path).text
    assert not any(read_switches(connection, shop).values())

    admin.send(path, **SETTINGS, click_id_postbacks="1")

    turned = {name for name, is_on in read_switches(connection, shop).items() if is_on}
    assert turned == {"click_id_postbacks"}
    assert admin.get(path).text.count(" checked") == 1
    admin.send(path, **SETTINGS, click_id_postbacks=[])
    assert not any(read_switches(connection, shop).values())


def test_limits_are_shown_with_their_units_and_saved(
    admin: Browser, shop: App, connection: Connection
) -> None:
    path = f"/apps/{shop.id}/settings"
    assert "Requests per second of each token." in admin.get(path).text

    admin.send(path, **SETTINGS, **{"token-requests-per-second-max": "25"})

    assert read_limits(connection, shop) == replace(
        DEFAULT_LIMITS, token_requests_per_second_max=25
    )


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"bytes-per-day-max": "-1"}, "Bytes per day max must be a whole number."),
        ({"bytes-per-day-max": "9" * 16}, "must be between 0 (no limit) and"),
        ({"click-window-days": "31"}, "Click window days must be between 1 and 30 days."),
        ({"click-window-days": "many"}, "Click window days must be a whole number."),
        ({"currency": "EURO"}, "Currency must be an ISO 4217 currency code"),
        ({"destination": "javascript:alert(1)"}, "Destination"),
        ({"name": ""}, "Name must have 1 to 100 characters."),
    ],
)
def test_one_wrong_setting_keeps_all_as_they_were(
    admin: Browser, shop: App, connection: Connection, wrong: dict[str, str], reason: str
) -> None:
    admin.get(f"/apps/{shop.id}/settings")

    result = admin.send(f"/apps/{shop.id}/settings", **{**SETTINGS, **wrong})

    assert result.status_code == 422
    assert reason in admin.text
    assert app_with_id(connection, shop.id) == shop
    assert read_rules(connection, shop).version == 1
    (name,) = wrong
    (form,) = (form for form in admin.page.forms if "currency" in form.fields)
    assert form.fields[name] == wrong[name]


def test_the_list_shows_today_against_the_same_hours_of_yesterday(
    admin: Browser, shop: App, connection: Connection
) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    today, day = hour.replace(hour=0), timedelta(days=1)
    rollups: list[tuple[str, datetime, int, str]] = [
        ("day", today, 1_234, "42.50"),
        ("day", today - day, 99, "9"),
        ("hour", hour - day, 44, "2"),  # is yesterday's hour that has only begun today
    ]
    if hour.hour:
        rollups.append(("hour", today - day, 55, "7"))
    for grain, start, events, amount in rollups:
        connection.execute(
            """
            INSERT INTO figures VALUES (
                %s, 'production', %s, %s, '1', 0, '', '', 'EUR', %s, %s, 0, 0, 0, 0
            )
            """,
            (shop.id, grain, start, events, amount),
        )
    connection.execute(
        """
        INSERT INTO figure_sums
        SELECT app_id, environment, grain, start, level, event, link_id, source, '', '', currency,
               events, amount, 0, 0, 0, 0, 0, 0
        FROM figures CROSS JOIN unnest(ARRAY['origin', 'campaign', 'country']) AS level
        """
    )
    before, earned = (55, "7.00") if hour.hour else (0, "0.00")

    admin.get("/apps")

    assert f"Shop 1\u202f234 {before}" in admin.text.replace("1 234", "1\u202f234")
    assert f"42.50 EUR {earned} EUR" in admin.text
    admin.get(f"/apps/{shop.id}")
    assert f"yesterday {earned} EUR" in " ".join(admin.text.split())
    assert "<" not in admin.text
    admin.get("/apps?environment=sandbox")
    assert "Shop 0 0 0 0 0.00 EUR" in admin.text


def test_an_unknown_app_is_not_found(admin: Browser) -> None:
    assert admin.get("/apps/999/settings").status_code == 404
    assert "There is no such app." in admin.text


def test_an_overview_has_30_days_by_source_with_their_change(
    admin: Browser, shop: App, connection: Connection
) -> None:
    """Counts the raw rows again: two installs of a source, one organic, one of the month before."""
    now = datetime.now(UTC)
    assert "Last 30 days" not in admin.get(f"/apps/{shop.id}").text

    def opened(user: str, days: int, **changes: Any) -> Event:
        at_ms = int((now - timedelta(days=days)).timestamp() * 1000)
        usual = {"app_id": shop.id, "user_id": user, "kind": Kind.OPEN, "event_id": "__open"}
        return fresh(**{**usual, "event_time_ms": at_ms, **changes})

    def clicked(number: int, days: int) -> Event:
        parameters = {"site": "newsletter"}
        at_ms = int((now - timedelta(days=days)).timestamp() * 1000) - 1
        receipt = new_receipt(at_ms + number)
        return fresh(
            app_id=shop.id, kind=Kind.CLICK, receipt=receipt, click_id=click_id_of(receipt),
            event_time_ms=at_ms, user_id="", event_id="", parameters=parameters,
        )  # fmt: skip

    clicks = [clicked(1, 3), clicked(2, 9)]
    money = {"event_id": "buy", "sale_amount": "2.5", "sale_amount_currency": "EUR"}
    store(
        connection,
        *clicks,
        opened("ann", 3, click_id=clicks[0].click_id),
        opened("ben", 9, click_id=clicks[1].click_id),
        opened("cem", 29),
        opened("old", 45),
        opened("ann", 2, kind=Kind.EVENT, **money),
        opened("old", 44, kind=Kind.EVENT, **{**money, "sale_amount": "10"}),
    )
    count_all(connection)

    admin.get(f"/apps/{shop.id}")

    text = " ".join(admin.text.split())
    assert "Installs 3 +200.0% compared with the 30 days before" in text
    assert "Revenue 2.50 EUR -75.0% compared with the 30 days before" in text
    assert "Monthly active users 3 +200.0% compared with the 30 days before" in text
    assert "newsletter (source)" in text
    assert "(organic)" in text
    assert admin.page.tags.count("svg") == 3
    admin.get(f"/apps/{shop.id}?environment=sandbox")
    assert "Last 30 days" not in admin.text


def test_a_new_app_is_led_through_its_setup(admin: Browser, viewer: Browser, shop: App) -> None:
    admin.get(f"/apps/{shop.id}")
    assert "Set up this app 1 of 7" in admin.text
    assert f'href="/apps/{shop.id}/protection/tokens/new"' in admin.get(f"/apps/{shop.id}").text
    assert "Send a test event" in admin.text
    viewer.get(f"/apps/{shop.id}")
    assert "Set up this app" in viewer.text
    assert "Send a test event" not in viewer.text


def test_a_test_event_that_cannot_be_sent_says_so_on_the_overview(
    shop: App, admin: Browser
) -> None:
    admin.get(f"/apps/{shop.id}")

    result = admin.send(f"/apps/{shop.id}/test-event")

    assert result.status_code == 422
    assert "does not reach ingest at https://events.test" in admin.text


def test_where_links_may_lead_is_set_on_the_settings_page(admin: Browser, shop: App) -> None:
    path = f"/apps/{shop.id}/settings"
    admin.get(path)
    admin.send(path, destination_hosts="shop.example shop://")

    assert 'value="shop.example, shop://"' in admin.get(path).text
    assert admin.send(path, destination_hosts="a b/c").status_code == 422
    assert 'value="shop.example, shop://"' in admin.get(path).text


def test_a_time_zone_is_saved_told_and_audited_and_an_unknown_one_is_refused(
    admin: Browser, shop: App, connection: Connection
) -> None:
    store(connection, fresh(app_id=shop.id))
    count_all(connection)
    path = f"/apps/{shop.id}/settings"
    assert 'value="UTC"' in admin.get(path).text

    admin.send(path, name="Shop", time_zone=" Asia/Kolkata ", currency="EUR")
    saved = app_with_id(connection, shop.id)
    assert saved is not None
    assert saved.time_zone == "Asia/Kolkata"
    assert "Days are counted in Asia/Kolkata from now on" in admin.text
    assert "days are counted again in Asia/Kolkata, the newest first: 1 day left" in admin.text
    for page in ("", "/reports", "/reports/activity", "/reports/retention", "/reports/cohorts"):
        assert "the newest first: 1 day left" in admin.get(f"/apps/{shop.id}{page}").text
    (change,) = connection.execute(
        "SELECT before->>'time_zone', after->>'time_zone' FROM audit_log"
        " WHERE action = 'app.describe'"
    ).fetchall()
    assert change == ("UTC", "Asia/Kolkata")

    admin.get(path)
    admin.send(path, name="Shop", time_zone="Mars/Olympus", currency="EUR")
    assert "Time zone must be the name of a time zone" in admin.text
    # PostgreSQL takes these for abbreviations, which have no summer time.
    for zone in ("CET", "EET", "MET", "WET"):
        admin.get(path)
        admin.send(path, name="Shop", time_zone=zone, currency="EUR")
        assert "Time zone is an abbreviation." in admin.text
    assert app_with_id(connection, shop.id) == saved


def test_every_zone_that_can_be_chosen_is_known_to_postgresql_too(connection: Connection) -> None:
    known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names")}

    short = {name for (name,) in connection.execute("SELECT abbrev FROM pg_timezone_abbrevs")}

    assert {*zone_names()} <= known
    assert {zone.upper() for zone in zone_names()} & short == {"UTC"}
