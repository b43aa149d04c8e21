"""Tokens: created, stored, changed and published, or refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from console.actor import Actor
from console.apps.apps import App, create_app
from console.resources import Resources
from console.security.enforcement import (
    SWITCHED_OFF,
    disable_enforcement,
    enable_enforcement,
    enforced_scopes,
)
from console.security.new_tokens import (
    TOKENS_MAX,
    IssuedToken,
    NewToken,
    create_token,
    import_token,
    rotate_token,
)
from console.security.token_table import Token
from console.security.tokens import (
    ChangedToken,
    activate_token,
    deactivate_token,
    edit_token,
    list_tokens,
    revoke_token,
)
from shared.errors import OperatorError
from shared.redis import Redis
from shared.scopes import Scope
from shared.snapshot import Grant, Snapshot, decode_snapshot
from shared.token_use import use_commands
from shared.tokens import is_own_form, token_digest
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

Stop = Callable[[Resources, Actor, App, str], ChangedToken]

EVENTS, SESSIONS = (Scope.EVENTS,), (Scope.SESSIONS,)
OLD = "s2sTokenForTheStoreApp"


def published(resources: Resources) -> Snapshot:
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data)


def grants(resources: Resources) -> dict[bytes, Grant]:
    return published(resources).grants


def make(resources: Resources, app: App, name: str = "backend", *scopes: Scope) -> IssuedToken:
    return create_token(resources, ADMIN, app, NewToken(name, scopes))


def digest_of(resources: Resources, issued: IssuedToken) -> bytes:
    return token_digest(resources.secret_key, issued.secret.encode())


def expire(resources: Resources, token: Token) -> None:
    resources.connection.execute("UPDATE tokens SET expires_at = now() WHERE id = %s", (token.id,))


def tokens(resources: Resources, app: App) -> dict[str, Token]:
    return {token.name: token for token in list_tokens(resources, app)}


def test_a_new_token_is_published_and_only_its_digest_is_kept(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop)

    assert is_own_form(made.secret)
    assert grants(resources)[digest_of(resources, made)].app_id == shop.id
    assert made.secret not in repr(made)
    stored = resources.connection.execute("SELECT tokens::text FROM tokens").fetchone()
    assert stored is not None
    assert made.secret not in stored[0]
    assert list_tokens(resources, shop) == [made.token]
    assert (made.token.state, made.token.created_by) == ("active", ADMIN.name)


def test_what_a_token_may_be_used_for_is_published_with_it(resources: Resources, shop: App) -> None:
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    new = NewToken("try", (Scope.SESSIONS, Scope.EVENTS, Scope.EVENTS), True, moment)

    made = create_token(resources, ADMIN, shop, new)

    assert made.token.scopes == (Scope.EVENTS, Scope.SESSIONS)
    grant = grants(resources)[digest_of(resources, made)]
    assert (grant.environment, grant.scopes) == ("sandbox", made.token.scopes)
    assert grant.expires_at_ms == moment.timestamp() * 1000


def test_a_token_that_a_team_brings_along_is_accepted_as_it_is(
    resources: Resources, shop: App
) -> None:
    import_token(resources, ADMIN, shop, NewToken("old", EVENTS), OLD)

    digest = token_digest(resources.secret_key, OLD.encode())
    assert grants(resources)[digest].scopes == EVENTS


def test_a_deactivated_token_lets_nobody_in_until_it_is_activated(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop)
    digest = digest_of(resources, made)

    changed = deactivate_token(resources, ADMIN, shop, "backend")
    assert (changed.token.state, changed.warnings) == ("inactive", ())
    assert digest not in grants(resources)
    assert digest in published(resources).inactive

    assert activate_token(resources, ADMIN, shop, "backend").token == made.token
    assert digest in grants(resources)


def test_a_revoked_token_is_published_no_more_and_stays_listed(
    resources: Resources, shop: App
) -> None:
    make(resources, shop, "kept")
    made = make(resources, shop)

    revoked = revoke_token(resources, ADMIN, shop, "backend")

    assert digest_of(resources, made) not in grants(resources)
    assert len(grants(resources)) == 1
    assert revoked.token.state == "revoked"
    assert list_tokens(resources, shop)[1] == revoked.token


def test_revoking_again_changes_nothing(resources: Resources, shop: App) -> None:
    make(resources, shop)

    first = revoke_token(resources, ADMIN, shop, "backend")

    assert revoke_token(resources, ADMIN, shop, "backend") == first


@pytest.mark.parametrize("change", [activate_token, deactivate_token])
def test_a_revoked_token_stays_revoked(resources: Resources, shop: App, change: Stop) -> None:
    make(resources, shop)
    revoke_token(resources, ADMIN, shop, "backend")

    with pytest.raises(OperatorError, match="permanently"):
        change(resources, ADMIN, shop, "backend")
    with pytest.raises(OperatorError, match="permanently"):
        edit_token(resources, ADMIN, shop, "backend", EVENTS)

    assert tokens(resources, shop)["backend"].state == "revoked"


def test_an_expired_token_is_no_longer_active_and_activating_it_says_so(
    resources: Resources, shop: App
) -> None:
    expire(resources, make(resources, shop).token)
    assert tokens(resources, shop)["backend"].state == "expired"

    deactivate_token(resources, ADMIN, shop, "backend")
    (warning,) = activate_token(resources, ADMIN, shop, "backend").warnings

    assert "expired" in warning


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=-1)])
def test_a_token_that_would_have_expired_already_is_not_made(
    resources: Resources, shop: App, ahead: timedelta
) -> None:
    past = datetime.now(UTC) + ahead

    with pytest.raises(OperatorError, match="future"):
        create_token(resources, ADMIN, shop, NewToken("late", expires_at=past))

    assert list_tokens(resources, shop) == []


def test_the_scopes_of_a_token_are_replaced(resources: Resources, shop: App) -> None:
    made = make(resources, shop, "backend", Scope.EVENTS)

    edited = edit_token(resources, ADMIN, shop, "backend", SESSIONS)
    assert edited.token.scopes == SESSIONS
    assert grants(resources)[digest_of(resources, made)].scopes == SESSIONS

    assert edit_token(resources, ADMIN, shop, "backend", ()).token.scopes == ()


def test_a_rotated_token_has_a_second_beside_it_that_may_do_the_same(
    resources: Resources, shop: App
) -> None:
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    new = NewToken("backend", EVENTS, True, moment)
    first = create_token(resources, ADMIN, shop, new)

    second = rotate_token(resources, ADMIN, shop, "backend", "backend 2")

    granted = grants(resources)
    one, other = (granted[digest_of(resources, made)] for made in (first, second))
    assert (one.scopes, one.environment, one.expires_at_ms) == (
        (other.scopes, other.environment, other.expires_at_ms)
    )
    assert set(tokens(resources, shop)) == {"backend", "backend 2"}


@pytest.mark.parametrize("stop", [deactivate_token, revoke_token])
def test_only_an_active_token_is_rotated(resources: Resources, shop: App, stop: Stop) -> None:
    make(resources, shop)
    stop(resources, ADMIN, shop, "backend")

    with pytest.raises(OperatorError, match="Only an active token"):
        rotate_token(resources, ADMIN, shop, "backend", "backend 2")

    assert list(tokens(resources, shop)) == ["backend"]


def test_an_unknown_token_is_said_to_be_unknown(resources: Resources, shop: App) -> None:
    for change in (revoke_token, deactivate_token, activate_token):
        with pytest.raises(OperatorError, match="no token with this name"):
            change(resources, ADMIN, shop, "backend")


def test_a_name_stays_taken_after_its_token_was_revoked(resources: Resources, shop: App) -> None:
    make(resources, shop)
    revoke_token(resources, ADMIN, shop, "backend")

    with pytest.raises(OperatorError, match="another name"):
        make(resources, shop)


@pytest.mark.parametrize("holder", ["Shop", "Other"])
def test_a_token_held_elsewhere_is_refused_without_saying_where(
    resources: Resources, shop: App, holder: str
) -> None:
    other = create_app(resources, ADMIN, "Other")
    owner = shop if holder == "Shop" else other
    import_token(resources, ADMIN, owner, NewToken("old"), OLD)

    with pytest.raises(OperatorError) as refusal:
        import_token(resources, ADMIN, shop, NewToken("new"), OLD)

    assert "already in use" in refusal.value.message
    for told in ("Shop", "Other", "old", "s2s"):
        assert told not in refusal.value.message


def test_a_name_that_gives_the_token_away_is_refused(resources: Resources, shop: App) -> None:
    with pytest.raises(OperatorError, match="names are shown") as refusal:
        import_token(resources, ADMIN, shop, NewToken(f"key {OLD}"), OLD)

    assert OLD not in refusal.value.message
    assert list_tokens(resources, shop) == []


def test_an_app_has_so_many_tokens_that_are_not_revoked_and_no_more(
    resources: Resources, shop: App
) -> None:
    resources.connection.execute(
        "INSERT INTO tokens (app_id, name, digest, masked, test) "
        "SELECT %s, 'token ' || n, int4send(n), '…', false FROM generate_series(1, %s) AS n",
        (shop.id, TOKENS_MAX - 1),
    )
    make(resources, shop, "last")

    with pytest.raises(OperatorError, match=f"{TOKENS_MAX} tokens"):
        make(resources, shop, "one more")
    with pytest.raises(OperatorError, match=f"{TOKENS_MAX} tokens"):
        rotate_token(resources, ADMIN, shop, "last", "one more")

    revoke_token(resources, ADMIN, shop, "last")
    make(resources, shop, "one more")


def test_the_last_use_is_shown_whether_it_was_copied_or_not(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop)
    earlier = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    resources.connection.execute("UPDATE tokens SET last_used_at = %s", (earlier,))
    assert tokens(resources, shop)["backend"].last_used_at == earlier

    for seconds, shown in ((-1, earlier), (60, earlier + timedelta(minutes=1))):
        with resources.redis.pipeline() as pipeline:
            used_ms = int(earlier.timestamp() + seconds) * 1000
            use_commands(pipeline, NAMES, {made.token.id: used_ms})
            pipeline.execute()
        assert tokens(resources, shop)["backend"].last_used_at == shown


def test_a_change_that_cannot_be_published_is_not_made(
    resources: Resources, shop: App, broken_redis: Redis
) -> None:
    first = make(resources, shop).token
    cut_off = Resources(resources.connection, broken_redis, resources.secret_key)

    with pytest.raises(OperatorError, match="nothing was changed"):
        make(cut_off, shop, "new")
    with pytest.raises(OperatorError, match="nothing was changed"):
        rotate_token(cut_off, ADMIN, shop, "backend", "new")
    with pytest.raises(OperatorError, match="nothing was changed"):
        edit_token(cut_off, ADMIN, shop, "backend", EVENTS)
    for change in (revoke_token, deactivate_token):
        with pytest.raises(OperatorError, match="nothing was changed"):
            change(cut_off, ADMIN, shop, "backend")

    assert list_tokens(resources, shop) == [first]


def test_another_installation_key_changes_nothing(resources: Resources, shop: App) -> None:
    make(resources, shop)
    before = resources.redis.get(NAMES.snapshot)
    other_key = Resources(resources.connection, resources.redis, b"another key" * 3)

    with pytest.raises(OperatorError, match="WAYBILL_SECRET_KEY"):
        make(other_key, shop, "new")

    assert resources.redis.get(NAMES.snapshot) == before
    assert len(list_tokens(resources, shop)) == 1


def test_while_enforcement_is_on_a_token_has_a_scope(resources: Resources, shop: App) -> None:
    """Adjust's page says so; tokens without a scope stay accepted for everything."""
    make(resources, shop, "unscoped")
    make(resources, shop, "scoped", Scope.EVENTS)
    enable_enforcement(resources, ADMIN, shop, EVENTS)

    with pytest.raises(OperatorError, match="must have a scope"):
        make(resources, shop, "new")
    with pytest.raises(OperatorError, match="must have a scope"):
        import_token(resources, ADMIN, shop, NewToken("old"), OLD)
    with pytest.raises(OperatorError, match="must have a scope"):
        rotate_token(resources, ADMIN, shop, "unscoped", "unscoped 2")
    with pytest.raises(OperatorError, match="must keep a scope"):
        edit_token(resources, ADMIN, shop, "scoped", ())
    assert set(tokens(resources, shop)) == {"unscoped", "scoped"}

    make(resources, shop, "new", Scope.SESSIONS)
    assert edit_token(resources, ADMIN, shop, "unscoped", EVENTS).token.scopes == EVENTS
    disable_enforcement(resources, ADMIN, shop)
    assert edit_token(resources, ADMIN, shop, "scoped", ()).token.scopes == ()


@pytest.mark.parametrize("stop", [deactivate_token, revoke_token])
def test_stopping_the_last_active_token_switches_enforcement_off_and_says_so(
    resources: Resources, shop: App, stop: Stop
) -> None:
    make(resources, shop)
    expire(resources, make(resources, shop, "expired").token)
    enable_enforcement(resources, ADMIN, shop)

    changed = stop(resources, ADMIN, shop, "backend")

    assert changed.warnings == (SWITCHED_OFF,)
    assert enforced_scopes(resources.connection, shop) == ()
    assert published(resources).apps[shop.app_token].enforced == ()


def test_the_expiry_of_the_last_token_leaves_enforcement_on(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop)
    enable_enforcement(resources, ADMIN, shop)
    expire(resources, made.token)

    make(resources, shop, "other", Scope.EVENTS)

    assert enforced_scopes(resources.connection, shop) == tuple(Scope)
    assert published(resources).apps[shop.app_token].enforced == tuple(Scope)


def test_stopping_an_expired_token_is_not_stopping_the_last_active_one(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop)
    enable_enforcement(resources, ADMIN, shop)
    expire(resources, made.token)

    changed = revoke_token(resources, ADMIN, shop, "backend")

    assert enforced_scopes(resources.connection, shop) == tuple(Scope)
    assert len(changed.warnings) == 3
    assert published(resources).apps[shop.app_token].enforced == tuple(Scope)


def test_a_scope_that_is_left_without_an_active_token_is_named(
    resources: Resources, shop: App
) -> None:
    make(resources, shop, "events", Scope.EVENTS)
    make(resources, shop, "sessions", Scope.SESSIONS)
    enable_enforcement(resources, ADMIN, shop, (*EVENTS, *SESSIONS))

    (warning,) = deactivate_token(resources, ADMIN, shop, "sessions").warnings
    assert "Authentication is on for sessions, and no active production token covers it" in warning
    (warning,) = edit_token(resources, ADMIN, shop, "events", SESSIONS).warnings
    assert "Authentication is on for events" in warning
    assert enforced_scopes(resources.connection, shop) == (*EVENTS, *SESSIONS)
