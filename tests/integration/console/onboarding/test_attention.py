"""Tests what needs attention: each thing is named with its page, and nothing else is."""

from console.apps.apps import App, create_app
from console.onboarding.attention import read_attention
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import store_event
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
DAY_MS = 86_400_000


def codes(resources: Resources, app: App, at_ms: int | None = None) -> list[str]:
    items = read_attention(resources, app, "production", at_ms or now_ms())
    return [item.code for item in items]


def test_a_new_app_needs_none(resources: Resources, shop: App) -> None:
    assert codes(resources, shop) == []


def test_what_failed_expires_or_is_not_counted_is_named_for_this_app_alone(
    connection: Connection, resources: Resources, shop: App, event: Event
) -> None:
    other = create_app(resources, ADMIN, "Other")
    store_event(connection, event)
    put_aside(connection, event)
    connection.execute(
        "INSERT INTO callback_endpoints (app_id, name, activities, method, disabled_at)"
        " VALUES (%s, 'Acme', '{install}', 'GET', now())",
        (shop.id,),
    )
    connection.execute(
        "INSERT INTO tokens (app_id, name, digest, masked, test, last_used_at, expires_at) VALUES"
        " (%(app)s, 'used', 'a', 'wbs…', false, now(), now() + interval '3 days'),"
        " (%(app)s, 'idle', 'b', 'wbs…', false, now() - interval '1 year', now()),"
        " (%(app)s, 'lasting', 'c', 'wbs…', false, now(), now() + interval '1 year')",
        {"app": shop.id},
    )

    items = read_attention(resources, shop, "production", now_ms())

    assert [item.code for item in items] == ["quarantine", "callbacks", "token", "unmapped"]
    assert items[1].text == "Callback endpoint Acme is disabled."
    assert items[2].text.startswith("Token used, which senders use, expires on ")
    assert items[3].text == "In the last 8 days, 1 event had no event type."
    assert codes(resources, other) == []


def test_an_app_that_fell_silent_is_named_until_a_week_has_passed(
    connection: Connection, resources: Resources, shop: App, event: Event
) -> None:
    store_event(connection, event)
    now = now_ms()

    assert "silent" not in codes(resources, shop, now + DAY_MS // 2)
    assert "silent" in codes(resources, shop, now + 2 * DAY_MS)
    assert "silent" not in codes(resources, shop, now + 9 * DAY_MS)


def test_without_redis_the_rest_is_told(
    connection: Connection, broken_redis: Redis, resources: Resources, shop: App, event: Event
) -> None:
    put_aside(connection, event)

    assert codes(Resources(connection, broken_redis, SECRET_KEY), shop) == ["redis", "quarantine"]
    assert codes(resources, shop) == ["quarantine"]
