"""Enforcement: its preconditions, its scopes, and its publication to ingest."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from console.apps.apps import App, create_app
from console.audit import list_changes
from console.resources import Resources
from console.security.enforcement import (
    SWITCHED_OFF,
    disable_enforcement,
    enable_enforcement,
    enforced_scopes,
    lock_enforcement,
    read_enforcement,
    set_enforcement,
)
from console.security.new_tokens import NewToken, create_token
from console.security.tokens import deactivate_token
from shared.database import connect, transaction
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.snapshot import decode_snapshot
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

EVENTS, SESSIONS, AD_REVENUE = Scope


def published(resources: Resources, app: App) -> tuple[Scope, ...]:
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data).apps[app.app_token].enforced


def make(resources: Resources, app: App, name: str, *scopes: Scope) -> None:
    create_token(resources, ADMIN, app, NewToken(name, scopes))


def test_a_new_app_enforces_nothing(resources: Resources, shop: App) -> None:
    assert read_enforcement(resources.connection, shop).enforced == ()
    assert published(resources, shop) == ()


def test_it_cannot_be_switched_on_without_an_active_token(resources: Resources, shop: App) -> None:
    with pytest.raises(OperatorError, match="cannot be turned on without an active token"):
        enable_enforcement(resources, ADMIN, shop)

    make(resources, shop, "backend")
    deactivate_token(resources, ADMIN, shop, "backend")
    with pytest.raises(OperatorError, match="cannot be turned on without an active token"):
        enable_enforcement(resources, ADMIN, shop)

    assert published(resources, shop) == ()


def test_a_token_of_another_app_does_not_count(resources: Resources, shop: App) -> None:
    make(resources, create_app(resources, ADMIN, "Game"), "backend")

    with pytest.raises(OperatorError, match="without an active token"):
        enable_enforcement(resources, ADMIN, shop)


def test_a_test_token_protects_nobody(resources: Resources, shop: App) -> None:
    create_token(resources, ADMIN, shop, NewToken("sandbox", test=True))
    with pytest.raises(OperatorError, match="test tokens do not count"):
        enable_enforcement(resources, ADMIN, shop)

    make(resources, shop, "events", EVENTS)
    with pytest.raises(OperatorError, match="covers sessions and ad_revenue"):
        set_enforcement(resources, ADMIN, shop, tuple(Scope))
    enable_enforcement(resources, ADMIN, shop, (EVENTS,))
    changed = deactivate_token(resources, ADMIN, shop, "events")

    assert SWITCHED_OFF in changed.warnings
    assert enforced_scopes(resources.connection, shop) == ()


def test_every_scope_that_it_covers_needs_a_token_that_covers_it(
    resources: Resources, shop: App
) -> None:
    make(resources, shop, "events", EVENTS)

    with pytest.raises(OperatorError, match="covers sessions and ad_revenue"):
        enable_enforcement(resources, ADMIN, shop)
    assert enforced_scopes(resources.connection, shop) == ()

    assert enable_enforcement(resources, ADMIN, shop, [EVENTS]).enforced == (EVENTS,)
    make(resources, shop, "rest", SESSIONS, AD_REVENUE)
    assert enable_enforcement(resources, ADMIN, shop).enforced == tuple(Scope)
    assert published(resources, shop) == tuple(Scope)


def test_a_token_without_scopes_covers_everything(resources: Resources, shop: App) -> None:
    make(resources, shop, "backend")

    enforcement = enable_enforcement(resources, ADMIN, shop)

    assert [each.tokens for each in enforcement.scopes] == [("backend",)] * 3
    assert enforcement.warnings == ()


def test_it_is_switched_on_and_off_scope_by_scope(resources: Resources, shop: App) -> None:
    make(resources, shop, "backend")

    enable_enforcement(resources, ADMIN, shop, [AD_REVENUE])
    enable_enforcement(resources, ADMIN, shop, [EVENTS])
    assert published(resources, shop) == (EVENTS, AD_REVENUE)

    disable_enforcement(resources, ADMIN, shop, [EVENTS, SESSIONS])
    assert published(resources, shop) == (AD_REVENUE,)

    assert disable_enforcement(resources, ADMIN, shop).enforced == ()
    assert published(resources, shop) == ()


def test_it_is_set_to_the_scopes_that_are_named_and_no_others_in_one_step(
    resources: Resources, shop: App
) -> None:
    make(resources, shop, "backend", EVENTS, SESSIONS)
    set_enforcement(resources, ADMIN, shop, [EVENTS])

    assert set_enforcement(resources, ADMIN, shop, [SESSIONS]).enforced == (SESSIONS,)
    with pytest.raises(OperatorError, match="covers ad_revenue"):
        set_enforcement(resources, ADMIN, shop, [EVENTS, AD_REVENUE])

    assert published(resources, shop) == (SESSIONS,)
    last, first, *_ = list_changes(resources.connection, shop.id, 10)
    assert (first.after, last.after) == ({"scopes": ["events"]}, {"scopes": ["sessions"]})


def test_the_last_two_tokens_stopped_at_once_take_enforcement_along(
    resources: Resources, shop: App, database_url: str
) -> None:
    """Each command alone would still see the other's token."""
    for name in ("one", "two"):
        make(resources, shop, name)
    enable_enforcement(resources, ADMIN, shop)

    with (
        connect(database_url, "tests") as beside,
        ThreadPoolExecutor(1) as threads,
        transaction(beside),
    ):
        lock_enforcement(beside, shop)
        beside.execute("UPDATE tokens SET deactivated_at = now() WHERE name = 'one'")
        waiting = threads.submit(deactivate_token, resources, ADMIN, shop, "two")
        with pytest.raises(TimeoutError):
            waiting.result(0.3)

    assert waiting.result().warnings == (SWITCHED_OFF,)
    assert published(resources, shop) == ()


def test_what_is_enforced_already_does_not_stand_in_the_way_of_more(
    resources: Resources, shop: App
) -> None:
    """A token may expire later; its scope stays enforced, with a warning."""
    make(resources, shop, "sessions", SESSIONS)
    make(resources, shop, "events", EVENTS)
    enable_enforcement(resources, ADMIN, shop, [SESSIONS])
    resources.connection.execute("UPDATE tokens SET expires_at = now() WHERE name = 'sessions'")

    enforcement = enable_enforcement(resources, ADMIN, shop, [EVENTS, SESSIONS])

    assert enforcement.enforced == (EVENTS, SESSIONS)
    (warning,) = enforcement.warnings
    assert "Authentication is on for sessions, and no active production token covers it" in warning
