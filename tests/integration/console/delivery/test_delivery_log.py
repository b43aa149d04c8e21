"""The log of callbacks is read page by page, each callback once, and by what it is about."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import UUID

import pytest

from console.apps.apps import App
from console.audit import list_changes
from console.cursor import Cursor
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import count_deliveries, page_deliveries, replay_deliveries
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import create_endpoint
from console.resources import Resources
from shared.callbacks.activities import Activity
from shared.privacy.identities import IdKind, PersonId, id_digest
from shared.privacy.tombstones import read_tombstone_key
from tests.integration.conftest import SECRET_KEY
from tests.support.build import ADMIN

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
# Of each endpoint in turn; three became due at the same time.
DUE = [NOON - timedelta(minutes=minute // 3) for minute in range(9)]
STATES = ("delivered", "failed", "waiting")
ACTIVITIES = ("install", "event")


@pytest.fixture
def endpoints(resources: Resources, shop: App) -> list[int]:
    """Makes two endpoints and nine callbacks, the newest first."""
    made = []
    for name in ("one", "two"):
        form = EndpointForm(
            name=name, activities=[Activity.EVENT], url="https://receiver.invalid/cb"
        )
        made.append(create_endpoint(resources, ADMIN, shop, form).endpoint.id)
    for number, due in enumerate(DUE):
        resources.connection.execute(
            "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
            " event_time, state, created_at)"
            " VALUES (%s, %s, %s, 'production', %s, gen_random_uuid(), now(), %s, %s)",
            (UUID(int=100 - number), made[number % 2], shop.id, ACTIVITIES[number % 2],
             STATES[number % 3], due),
        )  # fmt: skip
    return made


def ids(resources: Resources, shop: App, wanted: DeliveryFilter, count: int) -> list[list[int]]:
    """Returns the numbers of the callbacks, page by page."""
    pages: list[list[int]] = []
    before: Cursor | None = None
    while True:
        page = page_deliveries(resources.connection, shop, wanted, count, before)
        pages.append([100 - each.id.int for each in page.callbacks])
        if page.after is None:
            return pages
        before = Cursor.parse(page.after)


@pytest.mark.usefixtures("endpoints")
@pytest.mark.parametrize("count", [1, 2, 4, 9, 100])
def test_pages_show_each_callback_once_and_the_newest_first(
    resources: Resources, shop: App, count: int
) -> None:
    pages = ids(resources, shop, DeliveryFilter(), count)

    assert [*chain(*pages)] == list(range(9))
    assert all(len(page) == count for page in pages[:-1])


def test_callbacks_are_chosen_by_what_they_are_about(
    resources: Resources, shop: App, endpoints: list[int]
) -> None:
    chosen = {
        "endpoint": DeliveryFilter(endpoint_id=endpoints[1]),
        "state": DeliveryFilter(state="failed"),
        "activity": DeliveryFilter(activity="install"),
        "both": DeliveryFilter(activity="event", state="delivered"),
        "range": DeliveryFilter(begin=DUE[5], end=DUE[0]),
        "nothing": DeliveryFilter(activity="session"),
    }

    found = {name: ids(resources, shop, wanted, 2) for name, wanted in chosen.items()}
    counted = {
        name: sum(each.callbacks for each in count_deliveries(resources.connection, shop, wanted))
        for name, wanted in chosen.items()
    }

    assert found == {
        "endpoint": [[1, 3], [5, 7]],
        "state": [[1, 4], [7]],
        "activity": [[0, 2], [4, 6], [8]],
        "both": [[3]],
        "range": [[3, 4], [5]],
        "nothing": [[]],
    }
    assert counted == {name: len([*chain(*pages)]) for name, pages in found.items()}


def test_what_becomes_due_meanwhile_moves_no_page(
    resources: Resources, shop: App, endpoints: list[int]
) -> None:
    first = page_deliveries(resources.connection, shop, DeliveryFilter(), 4, None)
    resources.connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state) VALUES (gen_random_uuid(), %s, %s, 'production', 'event',"
        " gen_random_uuid(), now(), 'waiting')",
        (endpoints[0], shop.id),
    )

    assert first.after is not None
    second = page_deliveries(
        resources.connection, shop, DeliveryFilter(), 4, Cursor.parse(first.after)
    )

    assert [100 - each.id.int for each in second.callbacks] == [4, 5, 6, 7]


@pytest.mark.usefixtures("endpoints")
def test_whose_callbacks_were_sent_again_is_in_the_audit_log_as_a_digest_alone(
    resources: Resources, shop: App
) -> None:
    wanted = DeliveryFilter(user_id="Ada Lovelace", click_id="click-4711", state="failed")
    replay_deliveries(resources, ADMIN, shop, wanted)

    (change, *_) = list_changes(resources.connection, shop.id, 1)
    key = read_tombstone_key(resources.connection, SECRET_KEY)
    assert key is not None
    ids = [PersonId(IdKind.USER, "Ada Lovelace"), PersonId(IdKind.CLICK, "click-4711")]
    assert change.after == {
        "callbacks": 0,
        "state": "failed",
        "proof": [id_digest(key, shop.id, each).hex() for each in ids],
    }
