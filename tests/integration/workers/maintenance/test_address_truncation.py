"""What an app stored before it wanted truncated addresses is truncated, and decides alike."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.apps.apps import App, create_app
from console.apps.switches import change_switches
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.privacy.truncation import truncated_address
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.support.build import ADMIN
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive
from workers.facts.record import record
from workers.maintenance import address_truncation
from workers.maintenance.address_truncation import truncate_stored_addresses
from workers.maintenance.expiry import expire
from workers.privacy.tombstone_filter import TombstoneFilter
from workers.sql.expressions import truncated

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)
SITE, NEIGHBOUR, NETWORK = "81.2.69.142", "81.2.69.99", "81.2.69.0"


@pytest.fixture
def here(connection: Connection, redis: Redis) -> Resources:
    return Resources(connection, redis, SECRET_KEY)


@pytest.fixture
def shop(here: Resources) -> App:
    return create_app(here, ADMIN, "Shop", "abc123def456")


def _event(app: App, hours_ago: float, **changes: Any) -> Event:
    at_ms = now_ms() - int(hours_ago * HOUR_MS)
    usual = {
        "app_id": app.id,
        "receipt": new_receipt(at_ms),
        "received_at_ms": at_ms,
        "event_time_ms": at_ms,
        "ip_address": SITE,
        "user_agent": IPHONE,
    }
    return fresh(**{**usual, **changes})


def _opened(app: App, hours_ago: float, user: str = "ada", **changes: Any) -> Event:
    usual = {"event_id": "__open", "kind": Kind.OPEN, "user_id": user}
    return _event(app, hours_ago, **{**usual, **changes})


def _clicked(app: App, hours_ago: float, **changes: Any) -> Event:
    receipt = new_receipt(now_ms() - int(hours_ago * HOUR_MS))
    usual = {
        "kind": Kind.CLICK,
        "user_id": "",
        "event_id": "",
        "link_id": 1,
        "receipt": receipt,
        "click_id": click_id_of(receipt),
    }
    return _event(app, hours_ago, **{**usual, **changes})


def _store(here: Resources, *events: Event) -> None:
    """Stores events as a drain does."""
    tombstones = TombstoneFilter(SECRET_KEY, here.redis)
    with tombstones.admitted(here.connection, events) as admitted:
        record(here.connection, admitted)
        derive(here.connection, admitted)


def _switch(here: Resources, app: App, *, is_on: bool = True) -> None:
    change_switches(here, ADMIN, app, {"truncate_addresses": is_on})


def _finish(connection: Connection) -> None:
    """Does what workers do in time."""
    truncate_stored_addresses(connection, 30)
    assert not decide_due(connection, 30).more
    assert connection.execute("SELECT FROM address_truncations").fetchall() == []


def _addresses(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT host(ip_address) FROM events UNION SELECT host(ip_address) FROM clicks "
        "UNION SELECT address FROM clicks UNION SELECT address FROM signals "
        "UNION SELECT address FROM sightings"
    )
    return {address for (address,) in rows if address is not None}


def _credited(connection: Connection) -> dict[str, str | None]:
    rows = connection.execute(
        "SELECT user_id, rule FROM attributions JOIN users ON users.id = user_ref "
        "WHERE superseded_at IS NULL"
    )
    return dict(rows.fetchall())


def test_nothing_that_is_stored_from_then_on_has_a_complete_address(
    here: Resources, connection: Connection, shop: App
) -> None:
    _switch(here, shop)
    _store(here, _clicked(shop, 1), _opened(shop, 0.5))

    assert _addresses(connection) == {NETWORK}


def test_what_was_stored_before_is_truncated_in_every_table_and_only_of_that_app(
    here: Resources, connection: Connection, shop: App
) -> None:
    other = create_app(here, ADMIN, "Game")
    _store(here, _clicked(shop, 900), _opened(shop, 800), _opened(shop, 1), _clicked(shop, 1))
    _store(here, _opened(other, 1, ip_address="90.1.2.3"))
    _switch(here, shop)
    _finish(connection)

    assert _addresses(connection) == {NETWORK, "90.1.2.3"}


@pytest.mark.parametrize("order", list(permutations(("click", "open", "switch"))), ids="-".join)
def test_a_click_and_an_install_match_whenever_the_app_changed_its_mind(
    here: Resources, connection: Connection, shop: App, order: tuple[str, ...]
) -> None:
    steps: dict[str, Callable[[], None]] = {
        "click": lambda: _store(here, _clicked(shop, 2)),
        "open": lambda: _store(here, _opened(shop, 1)),
        "switch": lambda: _switch(here, shop),
    }
    for step in order:
        steps[step]()
    _finish(connection)

    assert _addresses(connection) == {NETWORK}
    assert _credited(connection) == {"ada": "address_and_device"}


@pytest.mark.parametrize("switch_first", [True, False])
def test_a_neighbour_in_the_network_is_told_apart_only_until_addresses_are_truncated(
    here: Resources, connection: Connection, shop: App, switch_first: bool
) -> None:
    if switch_first:
        _switch(here, shop)
    _store(here, _clicked(shop, 2, ip_address=NEIGHBOUR), _opened(shop, 1))
    if not switch_first:
        assert _credited(connection) == {"ada": "organic"}
        _switch(here, shop)
    _finish(connection)

    assert _credited(connection) == {"ada": "address_and_device"}


def test_newcomers_of_a_network_are_counted_whichever_side_they_arrived_on(
    here: Resources, connection: Connection, shop: App
) -> None:
    """A match that only the platform speaks for counts behind few devices."""
    crowd = [
        _opened(shop, 3 - number / 100, f"user-{number}", ip_address=f"81.2.69.{number}")
        for number in range(12)
    ]
    android = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36"
    desktop = "Dalvik/2.1.0 (Linux; U; Android 14)"
    click = _clicked(shop, 2.8, user_agent=android)
    late = _opened(shop, 1, "late", user_agent=desktop)
    _store(here, *crowd[:6])
    _switch(here, shop)
    _store(here, click, late, *crowd[6:])
    _finish(connection)
    after = _credited(connection)

    derive(connection, [*crowd, click, late])

    assert _credited(connection) == after


def test_it_goes_on_from_where_it_was_when_time_was_up(
    here: Resources, connection: Connection, shop: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_truncation, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(address_truncation, "USERS_AT_ONCE", 2)
    _store(here, *(_clicked(shop, hour) for hour in range(5)))
    _store(here, *(_opened(shop, hour, f"user-{hour % 3}") for hour in range(9)))
    _switch(here, shop)
    rounds = 0
    while connection.execute("SELECT FROM address_truncations").fetchall():
        truncate_stored_addresses(connection, 0)
        rounds += 1
        assert rounds < 50

    assert rounds > 2
    assert _addresses(connection) == {NETWORK}


def test_the_job_that_expires_does_it_and_says_so(
    here: Resources, connection: Connection, redis: Redis, shop: App
) -> None:
    _store(here, _clicked(shop, 1), _opened(shop, 0.5))
    _switch(here, shop)

    assert expire(connection, redis, now_ms, 30)["truncated addresses"] == 3
    assert expire(connection, redis, now_ms, 30)["truncated addresses"] == 0
    assert _addresses(connection) == {NETWORK}


def test_switched_off_again_new_addresses_are_complete_and_nothing_more_is_truncated(
    here: Resources, connection: Connection, shop: App
) -> None:
    _store(here, _opened(shop, 5))
    _switch(here, shop)
    _switch(here, shop, is_on=False)
    _finish(connection)
    _store(here, _opened(shop, 1, "bob"))

    assert _addresses(connection) == {SITE}


def test_attributions_of_long_ago_stay_until_past_data_is_recalculated(
    here: Resources, connection: Connection, shop: App
) -> None:
    hours = timedelta(days=9).total_seconds() / 3600
    _store(here, _clicked(shop, hours + 1, ip_address=NEIGHBOUR), _opened(shop, hours))
    _switch(here, shop)
    _finish(connection)

    assert _addresses(connection) == {NETWORK}
    assert _credited(connection) == {"ada": "organic"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.ip_addresses())
def test_sql_truncates_as_python_does(connection: Connection, address: Any) -> None:
    statement = f"SELECT host({truncated('sent')}) FROM (VALUES (%s::inet)) AS given (sent)"
    [(by_sql,)] = connection.execute(statement.encode(), (str(address),)).fetchall()

    assert by_sql == truncated_address(str(address))
