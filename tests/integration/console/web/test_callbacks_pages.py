"""Callbacks in the console: endpoints are made, changed, paused and tested; the log is searched."""

import re
from uuid import UUID

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.delivery.endpoints import list_endpoints
from console.resources import Resources
from shared.database import Connection
from shared.inbox import measure, read_entry
from shared.redis import Redis, stream_entries
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR
URL = "https://partner.invalid/cb?click=#{click.publisher.clickId}&token=hunter2"
CALLBACK_ID = UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81")


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/callbacks"


@pytest.fixture
def made(admin: Browser, at: str) -> str:
    admin.get(f"{at}/new")
    admin.send(f"{at}/new", name="Acme", partner="Acme", level="both", method="GET", url=URL)
    return admin.path


def due(connection: Connection, shop: App, state: str = "failed") -> None:
    (endpoint,) = list_endpoints(connection, shop)
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state) VALUES (%s, %s, %s, 'production', 'event', %s, now(), %s)",
        (CALLBACK_ID, endpoint.id, shop.id, CALLBACK_ID, state),
    )


def test_an_endpoint_is_made_and_its_secrets_are_masked(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    (endpoint,) = list_endpoints(connection, shop)

    assert (made, endpoint.partner, endpoint.url) == (f"{at}/{endpoint.id}", "Acme", URL)
    assert endpoint.activities == ["install", "reattribution", "event"]
    assert "click=network-click-77" in admin.text
    assert "whsec_" in admin.text
    assert "hunter2" not in admin.text
    assert "hunter2" not in admin.get(at).text


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"url": "https://partner.invalid/{nope}"}, "unknown macro"),
        ({"url": "https://10.0.0.1/"}, "no IP address"),
        ({"url": "https://{click_id}.invalid/"}, "no macro"),
        ({"url": "https://user:pw@partner.invalid/"}, "no user name"),
        ({"url": ""}, "Url is missing"),
        ({"name": ""}, "Name"),
        ({"concurrency_max": "65"}, "from 1 to 64"),
    ],
)
def test_what_could_not_be_sent_is_refused(
    admin: Browser, at: str, values: dict[str, str], reason: str
) -> None:
    admin.get(f"{at}/new")

    form = {"name": "Acme", "partner": "Acme", "level": "both", "method": "GET", "url": URL}
    result = admin.send(f"{at}/new", **{**form, **values})

    assert result.status_code == 422
    assert reason in admin.text


def test_an_endpoint_is_paused_and_resumed(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    admin.get(made)
    admin.send(f"{made}/pause")
    assert list_endpoints(connection, shop)[0].state == "paused"

    admin.send(f"{made}/resume")

    assert list_endpoints(connection, shop)[0].state == "active"


def test_a_disabled_endpoint_has_a_banner_and_one_click_sends_everything_again(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    due(connection, shop)
    connection.execute(
        "UPDATE callback_endpoints SET disabled_at = now(), disabled_reason = 'failing'"
    )
    assert "is disabled: it has failed for a day" in admin.get(at).text.replace("</a>", "")

    admin.get(made)
    admin.send(f"{made}/resume")

    assert list_endpoints(connection, shop)[0].state == "active"
    assert connection.execute("SELECT state FROM callbacks").fetchall() == [("waiting",)]


def test_a_test_says_what_went_wrong(admin: Browser, made: str) -> None:
    admin.get(made)

    admin.send(f"{made}/test")

    assert "the host name does not resolve" in admin.text


def test_an_endpoint_is_changed_and_deleted(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    admin.get(f"{made}/edit")
    admin.send(f"{made}/edit", name="Acme two", level="install", url="https://partner.invalid/2")
    (changed,) = list_endpoints(connection, shop)
    assert (changed.name, changed.level, changed.partner) == ("Acme two", "install", "Acme")

    admin.get(made)
    admin.send(f"{made}/delete")

    assert list_endpoints(connection, shop) == []


def test_the_log_is_searched_and_a_callback_sent_again(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    due(connection, shop, "delivered")
    admin.get(f"{at}/log?state=failed")
    assert "Nothing that matches was due" in admin.text
    admin.get(f"{at}/log?state=delivered")
    assert str(CALLBACK_ID) in admin.text

    admin.post(f"{at}/log", {**admin.page.forms[-1].fields})

    assert made
    assert connection.execute("SELECT id, state FROM callbacks").fetchall() == [
        (CALLBACK_ID, "waiting")
    ]


def test_a_range_and_a_partner_are_searched_and_sent_again(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    due(connection, shop)
    connection.execute("UPDATE callbacks SET created_at = '2026-11-20 23:30+00'")
    for query in ("from=2026-11-21", "to=2026-11-19", "partner=Nobody"):
        admin.get(f"{at}/log?{query}")
        assert "Nothing that matches was due" in admin.text
    assert admin.get(f"{at}/log?from=yesterday").status_code == 400
    admin.get(f"{at}/log?from=2026-11-20&to=2026-11-20&partner=Acme")
    assert str(CALLBACK_ID) in admin.text

    replay = next(form for form in admin.page.forms if {"csrf", "from"} <= form.fields.keys())
    admin.post(f"{at}/log", {**replay.fields})

    assert made
    assert connection.execute("SELECT state FROM callbacks").fetchall() == [("waiting",)]


def test_the_log_has_pages_and_keeps_its_filter(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    due(connection, shop)
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, created_at)"
        " SELECT gen_random_uuid(), endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, now() + interval '1 second'"
        " FROM callbacks, generate_series(1, 100)"
    )
    page = admin.get(f"{at}/log?state=failed&activity=event").text
    assert str(CALLBACK_ID) not in admin.text
    (older,) = re.findall(r'href="([^"]*before=[^"]*)"', page.replace("&amp;", "&"))
    assert "state=failed&activity=event&before=" in older

    admin.get(older)

    assert made
    assert str(CALLBACK_ID) in admin.text
    assert "Older callbacks" not in admin.text
    assert admin.get(f"{at}/log?before=nothing").status_code in {400, 422}
    assert admin.get(f"{at}/log?activity=uninstall").status_code == 400


def test_a_change_keeps_the_event_type_of_an_endpoint(
    admin: Browser, made: str, resources: Resources, shop: App
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("buy", "Purchase"))
    page = admin.get(f"{made}/edit").text
    assert '<option value="" selected>all</option>' in page
    admin.send(f"{made}/edit", level="both", event_type="buy")
    assert list_endpoints(resources.connection, shop)[0].event_type == "Purchase"

    page = admin.get(f"{made}/edit").text

    assert '<option value="buy" selected>Purchase</option>' in page


def test_a_viewer_sees_and_changes_nothing(viewer: Browser, made: str, at: str) -> None:
    assert viewer.get(made).status_code == 200
    assert "whsec_" not in viewer.text
    assert viewer.get(f"{at}/new").status_code == 403
    assert viewer.get(f"{made}/edit").status_code == 403


def test_the_pages_of_an_event_and_of_its_user_show_what_was_told(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    came = fresh(app_id=shop.id, user_id="told-user", event_id="__install")
    store(connection, came)
    (endpoint,) = list_endpoints(connection, shop)
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, user_ref, activity, receipt,"
        " event_time, state) SELECT %s, %s, app_id, environment, id, 'install', %s, now(),"
        " 'delivered' FROM users WHERE user_id = 'told-user'",
        (CALLBACK_ID, endpoint.id, came.receipt),
    )

    assert made
    for path in (
        f"/receipts/{came.receipt}",
        f"/apps/{shop.id}/users/timeline?environment={came.environment}&user_id=told-user",
    ):
        admin.get(path)
        assert "Callbacks" in admin.text
        assert "delivered" in admin.text


def test_a_partner_without_a_link_cannot_be_tested(admin: Browser, made: str, redis: Redis) -> None:
    admin.get(made)

    result = admin.send(f"{made}/trial", test_link="")

    assert result.status_code == 422
    assert "Create a link for the partner first" in admin.text
    assert measure(redis).events == 0


def test_the_trial_of_a_partner_is_a_click_and_a_conversion_that_no_report_counts(
    admin: Browser, made: str, redis: Redis, resources: Resources, shop: App
) -> None:
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Summer", "https://shop.example/"))
    admin.get(made)
    admin.send(f"{made}/trial", test_link="https://x.example/click?pub_click_id=their-7&a=b")

    trial = admin.path
    ((entry_id, fields),) = stream_entries(redis.xrange(NAMES.inbox))
    click, conversion = read_entry(entry_id, fields, 0).events()
    assert trial == f"{made}/trial"
    assert {click.environment, conversion.environment} == {"sandbox"}
    assert (click.link_id, click.parameters) == (link.id, {"pub_click_id": "their-7", "a": "b"})
    assert conversion.click_id == click.click_id
    assert "Nothing is due yet" in admin.text


@pytest.mark.usefixtures("made")
def test_reports_show_what_was_told_beside_the_conversions(
    admin: Browser, connection: Connection, shop: App
) -> None:
    assert "by the day (UTC)" not in admin.get(f"/apps/{shop.id}/reports").text
    due(connection, shop, "withheld")
    connection.execute("UPDATE callbacks SET reason = 'no_consent'")

    admin.get(f"/apps/{shop.id}/reports")

    assert "by the day (UTC)" in admin.text
    assert "1 no_consent" in admin.text
