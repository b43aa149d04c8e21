"""Expiry: what is too old goes, in bounded steps, and nothing that was counted changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.privacy.retention import change_retention
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.partitions import day_of, make_days, partition_name
from shared.recompute import request_recompute
from shared.redis import Redis
from shared.rejections import Rejection, encode_rejection, recent_rejections
from tests.integration.conftest import SECRET_KEY
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES
from workers.decisions.recompute import recompute
from workers.maintenance.expiry import expire
from workers.rollups.stale_periods import hour_of, mark_app_stale, mark_stale

DAY_MS = 86_400_000
PLACE = {
    "ip_address": "81.2.69.142",
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15",
}
OLD_DAYS = 70


def _ago(days: float) -> int:
    return now_ms() - int(days * DAY_MS)


def _received(app: App, days_ago: float, **changes: Any) -> Event:
    at_ms = _ago(days_ago)
    usual: dict[str, Any] = {
        "app_id": app.id,
        "receipt": new_receipt(at_ms),
        "received_at_ms": at_ms,
        "event_time_ms": at_ms,
    }
    return fresh(**{**usual, **PLACE, **changes})


def _opened(app: App, user: str, days_ago: float, **changes: Any) -> Event:
    changes = {"event_id": "__open", "kind": Kind.OPEN, **changes}
    return _received(app, days_ago, user_id=user, **changes)


def _clicked(app: App, days_ago: float, **changes: Any) -> Event:
    receipt = new_receipt(_ago(days_ago))
    usual = {"kind": Kind.CLICK, "user_id": "", "event_id": "", "link_id": 1, "receipt": receipt}
    return _received(app, days_ago, **{**usual, "click_id": click_id_of(receipt), **changes})


@pytest.fixture
def shop(connection: Connection, redis: Redis) -> App:
    return create_app(Resources(connection, redis, SECRET_KEY), ADMIN, "Shop", "abc123def456")


@pytest.fixture
def life(connection: Connection, shop: App) -> list[Event]:
    """A credited click with its user, and one that nobody came from; some old and some new."""
    events = [
        _clicked(shop, OLD_DAYS + 0.1, parameters={"campaign": "spring"}),
        _opened(shop, "old", OLD_DAYS),
        _clicked(shop, OLD_DAYS, ip_address="81.2.69.99", device_ids={"idfa": "ab" * 16}),
        _opened(shop, "old", 2),
        _opened(shop, "new", 1, sale_amount="5.00", sale_amount_currency="EUR"),
    ]
    store(connection, *events)
    count_all(connection)
    return events


def _derived(connection: Connection) -> dict[str, list[Any]]:
    """Returns what was counted and decided, but for the clicks that lost."""
    queries = {
        "figures": "SELECT * FROM figures ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 16",
        "reach": "SELECT * FROM reach ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12",
        "comebacks": "SELECT * FROM comebacks ORDER BY 3, 4, 5, 6, 7",
        "earnings": "SELECT * FROM earnings ORDER BY 3, 4, 5, 6, 7, 8",
        "traffic": "SELECT * FROM traffic ORDER BY 3, 4, 5, 6, 7, 8, 9",
        "sessions": "SELECT * FROM sessions ORDER BY 1, 2, 3",
        "activity": "SELECT * FROM activity ORDER BY 3, 4",
        "attributions": "SELECT user_ref, event_time, receipt, rule, click_id, origin "
        "FROM attributions WHERE superseded_at IS NULL ORDER BY 1, 2, 3",
    }
    return {name: connection.execute(query.encode()).fetchall() for name, query in queries.items()}


def _count(connection: Connection, condition: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {condition}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def _expire(connection: Connection, redis: Redis) -> None:
    expire(connection, redis, now_ms, 30)


def test_without_days_everything_is_kept(
    connection: Connection, redis: Redis, life: list[Event]
) -> None:
    _expire(connection, redis)

    assert _count(connection, "events WHERE ip_address IS NOT NULL") == 3
    assert _count(connection, "clicks WHERE ip_address IS NOT NULL") == 2
    assert len(life) == 5


def test_expired_addresses_go_and_every_decision_stays(
    connection: Connection, redis: Redis, shop: App, life: list[Event]
) -> None:
    before = _derived(connection)
    assert "address_and_device" in [rule for _, _, _, rule, *_ in before["attributions"]]
    change_retention(connection, ADMIN, shop, {"address_days": 30})

    _expire(connection, redis)

    assert _count(connection, "events WHERE ip_address IS NULL AND user_agent IS NULL") == 1
    assert _count(connection, "clicks WHERE address IS NULL AND user_agent IS NULL") == 2
    assert _count(connection, "signals WHERE address IS NULL") == 1
    assert _count(connection, "sightings WHERE event_time < now() - interval '30 days'") == 0
    request_recompute(redis, [shop.id])
    while recompute(connection, redis, 10):
        pass
    store(connection, _opened(shop, "old", 0), *life[:2])
    mark_app_stale(connection, shop.id)
    count_all(connection)
    after = _derived(connection)
    assert after["attributions"] == before["attributions"]
    assert set(before["sessions"]) <= set(after["sessions"])


def test_expired_events_go_and_their_rollups_stay(
    connection: Connection, redis: Redis, shop: App, life: list[Event]
) -> None:
    before = _derived(connection)
    change_retention(connection, ADMIN, shop, {"event_days": 60})

    _expire(connection, redis)

    assert _count(connection, "events") == 2
    assert _derived(connection) == before
    mark_stale(connection, [hour_of(shop.id, "production", life[1].happened_at_ms)])
    mark_app_stale(connection, shop.id)
    count_all(connection)
    assert _derived(connection) == before
    assert _count(connection, "stale_periods") == 0


def test_a_day_is_dropped_once_it_has_expired_for_every_app(
    connection: Connection, redis: Redis, shop: App
) -> None:
    resources = Resources(connection, redis, SECRET_KEY)
    other = create_app(resources, ADMIN, "Other", "other1234567")
    day = day_of(_ago(OLD_DAYS))
    make_days(connection, [day])
    store(connection, _opened(shop, "a", OLD_DAYS), _opened(other, "b", OLD_DAYS))
    change_retention(connection, ADMIN, shop, {"event_days": 60})
    exists = f"pg_class WHERE relname = '{partition_name(day)}'"

    _expire(connection, redis)
    assert (_count(connection, "events"), _count(connection, exists)) == (1, 1)
    change_retention(connection, ADMIN, other, {"event_days": 60})
    _expire(connection, redis)
    assert (_count(connection, "events"), _count(connection, exists)) == (0, 0)


def test_expired_clicks_go_unless_they_are_credited(
    connection: Connection, redis: Redis, shop: App, life: list[Event]
) -> None:
    before = _derived(connection)
    change_retention(connection, ADMIN, shop, {"click_days": 60})

    _expire(connection, redis)

    clicks = connection.execute(b"SELECT click_id FROM clicks").fetchall()
    assert clicks == [(life[0].click_id,)]
    assert _count(connection, "click_device_ids") == 0
    assert _derived(connection) == before
    mark_app_stale(connection, shop.id)
    count_all(connection)
    assert _derived(connection) == before, "what was counted of clicks that are gone stays"


def test_expired_callbacks_and_refused_requests_go_by_app(
    connection: Connection, redis: Redis, shop: App
) -> None:
    for days, state in ((3, "delivered"), (3, "waiting"), (0, "delivered")):
        connection.execute(
            "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
            " event_time, state, created_at) VALUES (gen_random_uuid(), 1, %s, 'production',"
            " 'event', gen_random_uuid(), now(), %s, %s)",
            (shop.id, state, datetime.now(UTC) - timedelta(days=days)),
        )
    for app_id, days in ((shop.id, 3), (shop.id, 0), (shop.id + 1, 3), (None, 3)):
        refused = Rejection(_ago(days), "/event", "GET", 400, "missing_field", None, app_id, {})
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    change_retention(connection, ADMIN, shop, {"delivery_days": 2, "rejection_days": 2})

    _expire(connection, redis)

    assert _count(connection, "callbacks") == 2
    assert _count(connection, "callbacks WHERE state = 'waiting'") == 1
    left = [(refused.app_id, refused.at_ms > _ago(1)) for refused in recent_rejections(redis, 9)]
    assert left == [(None, False), (shop.id + 1, False), (shop.id, True)]
