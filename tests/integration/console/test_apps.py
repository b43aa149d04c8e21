import pytest

from console.apps import App, app_names, create_app, find_app, list_apps
from console.event_types import create_event_type, list_event_types
from shared.database import Connection
from shared.errors import OperatorError


def test_an_app_is_found_by_its_name_and_by_its_app_token(connection: Connection) -> None:
    made = create_app(connection, " Shop ")

    assert made.name == "Shop"
    assert find_app(connection, "Shop") == find_app(connection, made.app_token) == made
    assert list_apps(connection) == [made]
    assert app_names(connection) == {made.id: "Shop"}


def test_an_app_token_is_made_up_or_kept_as_given(connection: Connection) -> None:
    assert len(create_app(connection, "One").app_token) == 12
    assert create_app(connection, "Two", "2fm9gkqubvpc").app_token == "2fm9gkqubvpc"


@pytest.mark.parametrize(("name", "app_token"), [("Shop", "other"), ("Other", "abc123def456")])
def test_a_name_and_an_app_token_are_given_once(
    connection: Connection, shop: App, name: str, app_token: str
) -> None:
    with pytest.raises(OperatorError, match="exists"):
        create_app(connection, name, app_token)

    assert list_apps(connection) == [shop]


def test_a_reference_that_two_apps_answer_to_is_refused(connection: Connection, shop: App) -> None:
    create_app(connection, shop.app_token)

    with pytest.raises(OperatorError, match="the other"):
        find_app(connection, shop.app_token)


def test_an_unknown_app_is_said_to_be_unknown(connection: Connection) -> None:
    with pytest.raises(OperatorError, match="no app"):
        find_app(connection, "Shop")


def test_an_event_type_keeps_the_event_token_it_is_given(connection: Connection, shop: App) -> None:
    kept = create_event_type(connection, shop, "purchase", "Purchase", "g3mfiw")
    made_up = create_event_type(connection, shop, "register", "Registration")

    assert kept.event_token == "g3mfiw"
    assert len(made_up.event_token) == 6
    assert list_event_types(connection, shop) == [kept, made_up]


@pytest.mark.parametrize(
    ("mapping_id", "event_token"), [("purchase", "other1"), ("other", "g3mfiw")]
)
def test_mapping_ids_and_event_tokens_are_given_once_in_an_app(
    connection: Connection, shop: App, mapping_id: str, event_token: str
) -> None:
    create_event_type(connection, shop, "purchase", "Purchase", "g3mfiw")

    with pytest.raises(OperatorError, match="has an event type"):
        create_event_type(connection, shop, mapping_id, "Again", event_token)

    other = create_app(connection, "Other")
    assert create_event_type(connection, other, "purchase", "Purchase", "g3mfiw").id
