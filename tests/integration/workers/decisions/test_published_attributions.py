"""What workers publish for SDKs: attributions in force, of apps that accept SDKs alone."""

from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection
from shared.device_ids import adid_of
from shared.events import INSTALL, Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.redis import Redis
from shared.sdk.known_attributions import (
    ENTRIES_MAX,
    KnownAttribution,
    day_keys,
    decode,
    place_name,
    publish,
    user_name,
)
from tests.integration.fresh import fresh
from tests.integration.statements import Counted
from tests.support.redis_names import NAMES
from workers.decisions.derive import derive
from workers.decisions.published_attributions import AttributionPublisher, deep_link_of
from workers.facts.record import record

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"


LINK_ID = 1

# App 1 accepts SDKs, app 2 does not; a link of a partner is app 1's.
_APPS = b"""
INSERT INTO apps (id, name, app_token, sdk_traffic) OVERRIDING SYSTEM VALUE
VALUES (1, 'one', 'one', true), (2, 'two', 'two', false);
INSERT INTO partners (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'Acme');
INSERT INTO links (id, app_id, partner_id, name, offer_id, pub_id, destination)
OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'Spring', '36', '3', 'https://shop.example/')
"""


@pytest.fixture(autouse=True)
def apps(connection: Connection) -> None:
    connection.execute(_APPS)


def click(link_id: int | None, at_ms: int, app_id: int = 1, **parameters: str) -> Event:
    receipt = new_receipt(at_ms)
    return fresh(
        kind=Kind.CLICK,
        receipt=receipt,
        click_id=click_id_of(receipt),
        event_time_ms=at_ms,
        user_id="",
        event_id="",
        link_id=link_id,
        app_id=app_id,
        parameters=parameters,
    )


def install(user_id: str, **changes: Any) -> Event:
    usual: dict[str, Any] = {"user_id": user_id, "event_id": INSTALL, "sdk": "swaarm-ios"}
    return fresh(**{**usual, **changes})


def process(connection: Connection, redis: Redis, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)
    AttributionPublisher(redis, now_ms).publish(connection, events)


def entry(redis: Redis, name: bytes) -> KnownAttribution | None:
    found = redis.hget(day_keys(NAMES, now_ms())[0], name)
    return None if found is None else decode(found)  # type: ignore[arg-type]


def of_user(redis: Redis, user_id: str, app_id: int = 1) -> KnownAttribution | None:
    return entry(redis, user_name(app_id, "production", adid_of(app_id, user_id)))


def test_a_user_of_a_link_is_published_with_what_the_click_said(
    connection: Connection, redis: Redis
) -> None:
    clicked = click(
        LINK_ID, now_ms() - 60_000, deep_link="shop://sale/7", adset="shoes", pub_sub_id="abc"
    )
    process(connection, redis, clicked)
    process(
        connection,
        redis,
        install("u1", click_id=clicked.click_id, ip_address="8.8.8.8", user_agent=PHONE),
    )
    known = of_user(redis, "u1")
    assert known is not None
    assert (known.network, known.campaign, known.adgroup) == ("Acme", "Spring", "shoes")
    assert (known.offer_id, known.pub_id, known.sub_id) == ("36", "3", "abc")
    assert (known.click_id, known.deep_link) == (clicked.click_id, "shop://sale/7")
    assert entry(redis, place_name(1, "production", "8.8.8.8", PHONE)) == known


def test_an_organic_user_is_published_without_a_network(
    connection: Connection, redis: Redis
) -> None:
    process(connection, redis, install("u1"))
    known = of_user(redis, "u1")
    assert known is not None
    assert known.network == ""


def test_a_click_that_comes_late_changes_what_is_published(
    connection: Connection, redis: Redis
) -> None:
    late = click(LINK_ID, now_ms() - 60_000)
    process(connection, redis, install("u1", click_id=late.click_id))
    before = of_user(redis, "u1")
    process(connection, redis, late)
    after = of_user(redis, "u1")
    assert before is not None
    assert after is not None
    assert (before.network, after.network) == ("", "Acme")


def test_nothing_is_published_of_an_app_without_sdk_traffic(
    connection: Connection, redis: Redis
) -> None:
    process(connection, redis, install("u1", app_id=2), click(None, now_ms(), app_id=2))
    assert of_user(redis, "u1", app_id=2) is None
    assert redis.exists(day_keys(NAMES, now_ms())[0]) == 0


def test_a_batch_of_servers_events_costs_no_statement(database_url: str, redis: Redis) -> None:
    with Counted.connect(database_url) as counted:
        AttributionPublisher(redis, now_ms).publish(counted, [fresh() for _ in range(50)])
        assert counted.statements == 0


def test_a_full_hash_loses_an_entry_for_each_that_is_added(redis: Redis) -> None:
    key = day_keys(NAMES, now_ms())[0]
    for start in range(0, ENTRIES_MAX, 10_000):
        redis.hset(key, mapping={f"filler-{start + n}": b"" for n in range(10_000)})
    publish(redis, {b"new": KnownAttribution(1), b"newer": KnownAttribution(2)}, now_ms())
    assert redis.hlen(key) == ENTRIES_MAX
    assert entry(redis, b"newer") == KnownAttribution(2)
    assert 0 < redis.ttl(key) <= 2 * 86_400


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, ""),
        ({"deep_link": "shop://sale/7?a=1"}, "shop://sale/7?a=1"),
        ({"deeplink": "https://shop.example/x"}, "https://shop.example/x"),
        ({"deep_link": "", "deeplink": "shop://x"}, "shop://x"),
        ({"deep_link": "javascript:alert(1)"}, ""),
        ({"deep_link": "JavaScript:alert(1)"}, ""),
        ({"deep_link": "data:text/html,x"}, ""),
        ({"deep_link": "no scheme"}, ""),
        ({"deep_link": "shop://" + "x" * 3_000}, ""),
        ({"deep_link": 'shop://"><script>'}, ""),
    ],
)
def test_a_deep_link_leads_to_a_place_in_an_app_or_is_none(
    sent: dict[str, str], expected: str
) -> None:
    assert deep_link_of(sent) == expected
