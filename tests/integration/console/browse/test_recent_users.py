"""Tests the users seen last: each once, by their last event, with source and revenue."""

from decimal import Decimal

import pytest

from console.apps.apps import App
from console.browse import recent_users
from console.browse.recent_users import RecentUser, list_recent_users
from console.cursor import Cursor
from console.reports.bounds import moment_of
from shared.clock import now_ms
from shared.database import Connection
from shared.ids import new_receipt
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR


def all_pages(connection: Connection, app: App, count: int) -> list[RecentUser]:
    users: list[RecentUser] = []
    before = None
    for _ in range(100):
        page = list_recent_users(connection, app, "production", moment_of(now_ms()), before, count)
        users += page.users
        if page.after is None:
            return users
        before = Cursor.parse(page.after)
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("scan", [3, 2_000])
def test_every_user_is_listed_once_by_their_last_event(
    connection: Connection, shop: App, scan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_users, "SCANNED_EVENTS_MAX", scan)
    now = now_ms()
    # The events of nine users interleave, so that most are met again behind a page's end.
    events = [
        fresh(
            app_id=shop.id,
            receipt=new_receipt(now),
            received_at_ms=now,
            event_time_ms=now - 60_000 * number,
            user_id=f"user-{number % 9}",
            sale_amount="1.50",
            sale_amount_currency="EUR" if number != 4 else "ZZZ",
        )
        for number in range(36)
    ]
    store(connection, *events)

    users = all_pages(connection, shop, 2)

    assert [user.user_id for user in users] == [f"user-{number}" for number in range(9)]
    assert [user.last_receipt for user in users] == [event.receipt for event in events[:9]]
    assert {user.source for user in users} == {"(organic)"}
    revenue = {user.user_id: (user.revenue, user.unconverted) for user in users}
    assert revenue.pop("user-4") == (Decimal("4.5"), ["ZZZ"])
    assert set(map(str, revenue.values())) == {str((Decimal("6.000000"), []))}


def test_revenue_of_many_events_says_that_there_are_more(
    connection: Connection, shop: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_users, "REVENUE_EVENTS_MAX", 2)
    for _ in range(3):
        store(
            connection,
            fresh(
                app_id=shop.id,
                receipt=new_receipt(now_ms()),
                sale_amount="2",
                sale_amount_currency="EUR",
            ),
        )

    (user,) = all_pages(connection, shop, 10)

    assert (user.revenue, user.has_more) == (Decimal(4), True)
