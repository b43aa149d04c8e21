"""A user's timeline, read from what a worker has stored and decided."""

import hashlib
import json
import re
from io import BytesIO
from typing import Any

import pytest

from console.apps.apps import App
from console.importer.imports import Import
from console.lookup.user_timeline import (
    _NO_INDEX_ONLY_SCAN,
    _USER_OF_ADID,
    ClickRole,
    UserTimeline,
    find_users,
    user_timeline,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection, index_only
from shared.device_ids import adid_bytes, adid_of
from shared.errors import OperatorError
from shared.imports.line_import import ImportLimits
from shared.imports.line_reader import file_lines
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS
PHONE = {"device_ids": {"gaid": "5a1e6d70-7c1b-4d64-9f2f-0d9f6f1b2a3c"}}


@pytest.fixture
def start_ms() -> int:
    """Returns the time one whole day ago, a day that has its partition."""
    return now_ms() - DAY_MS


@pytest.fixture
def links(connection: Connection, shop: App) -> None:
    connection.execute("INSERT INTO partners (name) VALUES ('Partner')")
    connection.execute(
        """
        INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)
        SELECT %s, id, 'Summer', '1001', '5', 'https://example.org/' FROM partners
        """,
        (shop.id,),
    )


def take_in(resources: Resources, app: App, bench: Bench, *lines: dict[str, Any]) -> None:
    """Stores the events in this order, each in a batch of its own."""
    for line in lines:
        run = Import(resources, ADMIN, app, ImportLimits(1, 10_000))
        run.run(file_lines(BytesIO(json.dumps(line).encode())), now_ms())
        bench.drain()


def timeline(
    connection: Connection,
    app: App,
    user_id: str = "u",
    environment: str = "production",
    count: int = 100,
) -> UserTimeline:
    return user_timeline(connection, app, environment, user_id, count)


@pytest.mark.usefixtures("links")
def test_a_timeline_holds_what_happened_and_what_was_made_of_it(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    came_ms = start_ms + 3 * MINUTE_MS
    click = {"type": "click", "time": start_ms, "link": "Summer"} | PHONE
    take_in(
        resources,
        shop,
        bench,
        click | {"click_id": "c2", "time": start_ms + 1},
        click | {"click_id": "c1"},
        {"type": "event", "time": came_ms + 1, "user_id": "u", "event_id": "buy"},
        {"type": "open", "time": came_ms, "user_id": "u"} | PHONE,
    )

    found = timeline(bench.connection, shop)

    assert [(click.click_id, click.role, click.origin) for click in found.clicks] == [
        ("c1", ClickRole.BEATEN, "Partner / Summer"),
        ("c2", ClickRole.CREDITED, "Partner / Summer"),
    ]
    assert [event.event_id for event in found.events] == ["__open", "buy"]
    assert found.events[0].device_ids == PHONE["device_ids"]
    ((session),) = found.sessions
    assert (session.opens, session.events) == (1, 1)
    (in_force,) = [decision for decision in found.attributions if not decision.superseded_at]
    assert (in_force.rule, in_force.click_id, in_force.origin, in_force.considered) == (
        *("device_id", "c2", "Partner / Summer"),
        2,
    )
    ((beaten),) = in_force.beaten
    assert (beaten.click_id, beaten.lost) == ("c1", "earlier")
    assert found.first_time is not None


def test_a_decision_that_a_late_fact_changed_stays_readable(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    opened = {"type": "open", "time": start_ms + MINUTE_MS, "user_id": "u"}
    click = {"type": "click", "time": start_ms, "parameters": {"site": "blog"}}
    take_in(resources, shop, bench, opened | PHONE, click | PHONE)

    found = timeline(bench.connection, shop)

    stand = [(decision.rule, bool(decision.superseded_at)) for decision in found.attributions]
    assert sorted(stand) == [("device_id", False), ("organic", True)]
    assert found.clicks[0].origin == "blog"


def test_only_the_newest_are_read_still_in_time_order(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    times = [start_ms + hour * 60 * MINUTE_MS for hour in range(5)]
    take_in(resources, shop, bench, *({"type": "open", "time": at, "user_id": "u"} for at in times))

    found = timeline(bench.connection, shop, count=2)

    assert [event.event_time.timestamp() * 1000 for event in found.events if event.event_time] == (
        times[3:]
    )
    assert [session.start_time.timestamp() * 1000 for session in found.sessions] == times[3:]
    assert len(found.attributions) == 1


def test_users_of_the_sandbox_and_of_other_apps_are_others(
    resources: Resources, shop: App, bench: Bench, start_ms: int
) -> None:
    line = {"type": "open", "time": start_ms, "user_id": "u", "environment": "sandbox"}
    take_in(resources, shop, bench, line)

    assert timeline(bench.connection, shop, environment="sandbox").events
    for app, environment, user in ((shop, "production", "u"), (shop, "sandbox", "U")):
        with pytest.raises(OperatorError, match="Nothing of this user"):
            timeline(bench.connection, app, user, environment=environment)


@pytest.mark.parametrize("users_at_last_analyze", [0, 1, 30_000])
def test_one_of_many_users_is_found_by_the_adid_without_reading_the_others(
    shop: App, connection: Connection, users_at_last_analyze: int
) -> None:
    if users_at_last_analyze == 1:
        connection.execute(
            "INSERT INTO users (app_id, environment, user_id) VALUES (%s, 'production', 'u')",
            (shop.id,),
        )
    if users_at_last_analyze < 30_000:
        connection.execute("VACUUM ANALYZE users")
    connection.execute(
        "INSERT INTO users (app_id, environment, user_id) "
        "SELECT %s, 'production', md5(number::text) FROM generate_series(1, 30000) AS number",
        (shop.id,),
    )
    connection.execute("SELECT brin_summarize_new_values('users_adid')")
    if users_at_last_analyze == 30_000:
        connection.execute("VACUUM ANALYZE users")
    user = hashlib.md5(b"12345", usedforsecurity=False).hexdigest()

    adid = adid_of(shop.id, user)

    assert find_users(connection, shop, "production", adid, 5) == [user]
    assert user_timeline(connection, shop, "production", adid, 5).user_id == user
    assert find_users(connection, shop, "sandbox", adid, 5) == []
    with index_only(connection):
        connection.execute(_NO_INDEX_ONLY_SCAN)
        asked = (adid_bytes(adid), shop.id, "production")
        plan = connection.execute(f"EXPLAIN (ANALYZE) {_USER_OF_ADID}".encode(), asked).fetchall()
    compared = re.search(r"Rows Removed by Index Recheck: (\d+)", str(plan))
    assert compared is not None
    assert int(compared[1]) < 15_000
