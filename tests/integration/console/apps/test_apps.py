import pytest

from console.apps.apps import App, app_names, create_app, find_app, list_apps
from console.apps.event_types import (
    EVENT_TYPES_MAX,
    NewEventType,
    create_event_type,
    list_event_types,
)
from console.resources import Resources
from shared.database import Connection
from shared.errors import OperatorError
from shared.snapshot import KnownEventType as Published
from shared.snapshot import decode_snapshot
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES


def test_an_app_is_found_by_its_name_and_by_its_app_token(
    resources: Resources, connection: Connection
) -> None:
    made = create_app(resources, ADMIN, " Shop ")

    assert made.name == "Shop"
    assert find_app(connection, "Shop") == find_app(connection, made.app_token) == made
    assert list_apps(connection) == [made]
    assert app_names(connection) == {made.id: "Shop"}


def test_an_app_token_is_made_up_or_kept_as_given(resources: Resources) -> None:
    assert len(create_app(resources, ADMIN, "One").app_token) == 12
    assert create_app(resources, ADMIN, "Two", "2fm9gkqubvpc").app_token == "2fm9gkqubvpc"


@pytest.mark.parametrize(("name", "app_token"), [("Shop", "other"), ("Other", "abc123def456")])
def test_a_name_and_an_app_token_are_given_once(
    resources: Resources, connection: Connection, shop: App, name: str, app_token: str
) -> None:
    with pytest.raises(OperatorError, match="exists"):
        create_app(resources, ADMIN, name, app_token)

    assert list_apps(connection) == [shop]


def test_a_reference_that_two_apps_answer_to_is_refused(
    resources: Resources, connection: Connection, shop: App
) -> None:
    create_app(resources, ADMIN, shop.app_token)

    with pytest.raises(OperatorError, match="the other"):
        find_app(connection, shop.app_token)


def test_an_unknown_app_is_said_to_be_unknown(connection: Connection) -> None:
    with pytest.raises(OperatorError, match="no app"):
        find_app(connection, "Shop")


def test_an_event_type_keeps_the_event_token_it_is_given(
    resources: Resources, connection: Connection, shop: App
) -> None:
    kept = create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase", "g3mfiw"))
    made_up = create_event_type(resources, ADMIN, shop, NewEventType("register", "Registration"))

    assert kept.event_token == "g3mfiw"
    assert len(made_up.event_token) == 6
    assert list_event_types(connection, shop) == [kept, made_up]


@pytest.mark.parametrize(
    ("mapping_id", "event_token"), [("purchase", "other1"), ("other", "g3mfiw")]
)
def test_mapping_ids_and_event_tokens_are_given_once_in_an_app(
    resources: Resources, shop: App, mapping_id: str, event_token: str
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase", "g3mfiw"))

    with pytest.raises(OperatorError, match="has an event type"):
        create_event_type(resources, ADMIN, shop, NewEventType(mapping_id, "Again", event_token))

    other = create_app(resources, ADMIN, "Other")
    assert create_event_type(
        resources, ADMIN, other, NewEventType("purchase", "Purchase", "g3mfiw")
    ).id


def test_an_app_and_its_event_types_are_published_as_they_are_made(
    resources: Resources, shop: App
) -> None:
    new = NewEventType("purchase", "Purchase", "g3mfiw", unique=True)
    made = create_event_type(resources, ADMIN, shop, new)

    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    known = decode_snapshot(data).apps[shop.app_token]
    assert known.app_id == shop.id
    assert known.event_types == {"g3mfiw": Published(made.id, "purchase", True)}


def test_an_app_has_so_many_event_types_and_no_more(resources: Resources, shop: App) -> None:
    resources.connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token) "
        "SELECT %s, n::text, n::text, n::text FROM generate_series(1, %s) AS n",
        (shop.id, EVENT_TYPES_MAX - 1),
    )
    create_event_type(resources, ADMIN, shop, NewEventType("last", "Last"))

    with pytest.raises(OperatorError, match="1,000 event types"):
        create_event_type(resources, ADMIN, shop, NewEventType("more", "One more"))

    assert len(list_event_types(resources.connection, shop)) == EVENT_TYPES_MAX
