"""Enforcement: when it can be switched on, what it covers, and that ingest learns of it."""

import pytest

from console.apps import App, create_app
from console.enforcement import (
    disable_enforcement,
    enable_enforcement,
    enforced_scopes,
    read_enforcement,
)
from console.installation import Installation
from console.tokens import NewToken, create_token, deactivate_token
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.snapshot import SNAPSHOT_KEY, decode_snapshot
from tests.build import ADMIN

EVENTS, SESSIONS, AD_REVENUE = Scope


def published(installation: Installation, app: App) -> tuple[Scope, ...]:
    data = installation.redis.get(SNAPSHOT_KEY)
    assert isinstance(data, bytes)
    return decode_snapshot(data).apps[app.app_token].enforced


def make(installation: Installation, app: App, name: str, *scopes: Scope) -> None:
    create_token(installation, ADMIN, app, NewToken(name, scopes))


def test_a_new_app_enforces_nothing(installation: Installation, shop: App) -> None:
    assert read_enforcement(installation.connection, shop).enforced == ()
    assert published(installation, shop) == ()


def test_it_cannot_be_switched_on_without_an_active_token(
    installation: Installation, shop: App
) -> None:
    with pytest.raises(OperatorError, match="cannot be switched on without an active token"):
        enable_enforcement(installation, ADMIN, shop)

    make(installation, shop, "backend")
    deactivate_token(installation, ADMIN, shop, "backend")
    with pytest.raises(OperatorError, match="cannot be switched on without an active token"):
        enable_enforcement(installation, ADMIN, shop)

    assert published(installation, shop) == ()


def test_a_token_of_another_app_does_not_count(installation: Installation, shop: App) -> None:
    make(installation, create_app(installation, ADMIN, "Game"), "backend")

    with pytest.raises(OperatorError, match="without an active token"):
        enable_enforcement(installation, ADMIN, shop)


def test_every_scope_that_it_covers_needs_a_token_that_covers_it(
    installation: Installation, shop: App
) -> None:
    make(installation, shop, "events", EVENTS)

    with pytest.raises(OperatorError, match="covers sessions and ad_revenue"):
        enable_enforcement(installation, ADMIN, shop)
    assert enforced_scopes(installation.connection, shop) == ()

    assert enable_enforcement(installation, ADMIN, shop, [EVENTS]).enforced == (EVENTS,)
    make(installation, shop, "rest", SESSIONS, AD_REVENUE)
    assert enable_enforcement(installation, ADMIN, shop).enforced == tuple(Scope)
    assert published(installation, shop) == tuple(Scope)


def test_a_token_without_scopes_covers_everything(installation: Installation, shop: App) -> None:
    make(installation, shop, "backend")

    enforcement = enable_enforcement(installation, ADMIN, shop)

    assert [each.tokens for each in enforcement.scopes] == [("backend",)] * 3
    assert enforcement.warnings == ()


def test_it_is_switched_on_and_off_scope_by_scope(installation: Installation, shop: App) -> None:
    make(installation, shop, "backend")

    enable_enforcement(installation, ADMIN, shop, [AD_REVENUE])
    enable_enforcement(installation, ADMIN, shop, [EVENTS])
    assert published(installation, shop) == (EVENTS, AD_REVENUE)

    disable_enforcement(installation, ADMIN, shop, [EVENTS, SESSIONS])
    assert published(installation, shop) == (AD_REVENUE,)

    assert disable_enforcement(installation, ADMIN, shop).enforced == ()
    assert published(installation, shop) == ()


def test_what_is_enforced_already_does_not_stand_in_the_way_of_more(
    installation: Installation, shop: App
) -> None:
    """A token may have expired since; its scope stays enforced and is warned of."""
    make(installation, shop, "sessions", SESSIONS)
    make(installation, shop, "events", EVENTS)
    enable_enforcement(installation, ADMIN, shop, [SESSIONS])
    installation.connection.execute("UPDATE tokens SET expires_at = now() WHERE name = 'sessions'")

    enforcement = enable_enforcement(installation, ADMIN, shop, [EVENTS, SESSIONS])

    assert enforcement.enforced == (EVENTS, SESSIONS)
    (warning,) = enforcement.warnings
    assert "sessions is enforced, and no active token covers it" in warning
