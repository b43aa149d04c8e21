"""Tests the roles of members in apps, as commands give them."""

import pytest

from console.accounts.app_roles import grant_app
from console.accounts.people import create_person, find_person
from console.actor import AppRole, Role
from console.apps.apps import App
from shared.database import Connection
from shared.errors import OperatorError
from tests.integration.console.conftest import Ask
from tests.support.build import ADMIN


def test_commands_give_and_take_a_role_in_an_app(
    ask: Ask, shop: App, connection: Connection
) -> None:
    ask("admin", "create", "Mia", "--role", "member")
    given = ask("admin", "grant", "Mia", "--app", shop.name, "--role", "editor")["person"]
    assert given["apps"] == [{"app_id": shop.id, "app": "Shop", "role": "editor"}]
    ask("admin", "grant", "Mia", "--app", shop.name)
    assert [grant.role for grant in find_person(connection, "Mia").apps] == [AppRole.VIEWER]

    assert ask("admin", "revoke", "Mia", "--app", shop.name)["person"]["apps"] == []


def test_roles_in_apps_count_for_members_alone(ask: Ask, shop: App, connection: Connection) -> None:
    vera = create_person(connection, ADMIN, "Vera", Role.VIEWER)

    with pytest.raises(OperatorError, match="Make this person a member first"):
        grant_app(connection, ADMIN, vera, shop, AppRole.EDITOR)
    ask("admin", "role", "Vera", "member")
    ask("admin", "grant", "Vera", "--app", shop.name)

    assert find_person(connection, "Vera").reach.app_ids == [shop.id]
    ask("admin", "role", "Vera", "viewer")
    assert find_person(connection, "Vera").apps == ()
    assert find_person(connection, "Vera").reach.app_ids is None


def test_another_role_ends_those_in_apps_for_good(
    ask: Ask, shop: App, connection: Connection
) -> None:
    mia = create_person(connection, ADMIN, "Mia", Role.MEMBER)
    grant_app(connection, ADMIN, mia, shop, AppRole.EDITOR)

    ask("admin", "role", "Mia", "viewer")
    ask("admin", "role", "Mia", "member")

    assert find_person(connection, "Mia").apps == ()


def test_who_lost_their_membership_meanwhile_gets_no_role_in_an_app(
    ask: Ask, shop: App, connection: Connection
) -> None:
    mia = create_person(connection, ADMIN, "Mia", Role.MEMBER)
    ask("admin", "role", "Mia", "viewer")

    with pytest.raises(OperatorError, match="Make this person a member first"):
        grant_app(connection, ADMIN, mia, shop, AppRole.EDITOR)

    ask("admin", "role", "Mia", "member")
    assert find_person(connection, "Mia").apps == ()
