"""Tests the page of operations: the inbox, the workers, the stores, rejected requests."""

from console.apps.apps import App
from console.resources import Resources
from console.web.app import create_app
from console.web.page_request import Services
from console.web.rq_dashboard import RqDashboard
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.events import encode_event, join_events
from shared.inbox import append
from shared.redis import Redis
from shared.rejections import encode_rejection
from shared.settings import Settings
from tests.integration.console.conftest import event_of
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import rejection
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
AT = "/operations/quarantine"


def test_what_waits_and_who_works_is_shown(resources: Resources, shop: App, admin: Browser) -> None:
    append(resources.redis, join_events([encode_event(event_of(shop))]), 1)

    markup = admin.get("/operations").text

    assert "Waiting in the inbox 1" in admin.text
    assert "available after the first refresh" in admin.text
    assert "No worker has reported" in admin.text
    assert "Redis available" in admin.text
    assert "PostgreSQL available" in admin.text
    assert 'data-live="5"' in markup
    admin.get("/operations")
    assert "events per second, over" in admin.text


def test_users_who_are_set_aside_are_a_problem_that_names_them_by_number(
    connection: Connection, viewer: Browser, shop: App
) -> None:
    viewer.get("/operations")
    assert "set aside:" not in viewer.text
    assert "Users set aside 0" in viewer.text
    (user,) = connection.execute(
        "INSERT INTO users (app_id, environment, user_id)"
        " VALUES (%s, 'production', 'ben@me.example') RETURNING id",
        (shop.id,),
    ).fetchall()
    connection.execute(
        "INSERT INTO set_aside_users (user_ref, fault, tries) VALUES (%s, 'ValueError', 3)", user
    )

    markup = viewer.get("/operations").text

    assert "1 user is set aside: the decision about them failed." in viewer.text
    assert f"{user[0]} {shop.name}, production ValueError" in viewer.text
    assert "ben@me.example" not in markup


def test_rejections_are_shown_by_reason_and_as_text(redis: Redis, viewer: Browser) -> None:
    refused = rejection(parameters={"event_id": MARKUP})
    redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    redis.hincrby(NAMES.rejection_counts, "missing_field", 7)

    markup = viewer.get("/operations").text

    assert "missing_field 7" in viewer.text
    assert f"event_id {MARKUP}" in viewer.text
    assert "<img src=x" not in markup


def test_while_redis_is_unavailable_the_rest_is_shown(
    settings: Settings, broken_redis: Redis, admin: Browser
) -> None:
    with open_pool(settings.database_url, "tests", 1) as pool:
        services = Services(settings, pool, broken_redis, RqDashboard(broken_redis), now_ms)
        lonely = Browser(create_app(services), admin.cookies["waybill"])
        lonely.get("/operations")

    assert "Redis unavailable" in lonely.text
    assert "PostgreSQL available" in lonely.text
