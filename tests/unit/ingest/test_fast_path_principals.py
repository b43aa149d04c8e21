"""The senders that the fast path knows: those that may send, until the snapshot changes."""

from typing import NamedTuple

import pytest
from msgspec import structs

from ingest.authentication import Authenticator
from ingest.credential_store import CredentialStore
from ingest.dialects.adjust.event import EVENT
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm.click import CLICK
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.fast_path import PRINCIPALS_MAX, GrantedPrincipal, GrantedPrincipals
from ingest.rate_limits.limiter import RateLimiter
from shared.events import Kind
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN, Grant, KnownApp, Snapshot
from tests.support.build import LINK_KEY, NOW_MS, SECRET_KEY, TOKEN, grant, linked, now, snapshot

APP_TOKEN = "4w565xzmb54d"
LINK = {"offer_id": LINK_KEY.offer_id, "pub_id": LINK_KEY.pub_id}


async def never() -> None:
    """Looks for no newer snapshot."""


class Known(NamedTuple):
    store: CredentialStore
    principals: GrantedPrincipals

    def by_token(
        self, token: str, authorization: str | None = None, dialect: Dialect = POSTBACK
    ) -> GrantedPrincipal | None:
        return self.principals.find(dialect, {"s2s_token": token}, authorization)

    def of_app(self, token: str, dialect: Dialect = EVENT) -> GrantedPrincipal | None:
        shown = {"app_token": APP_TOKEN, "s2s_token": token}
        return self.principals.find(dialect, shown, None)


def holding(held: Snapshot) -> Known:
    store = CredentialStore(SECRET_KEY, now)
    store.use(held)
    return Known(
        store, GrantedPrincipals(store, Authenticator(store, never), RateLimiter(store, now))
    )


def with_app(**changes: object) -> Snapshot:
    return structs.replace(snapshot(), apps={APP_TOKEN: KnownApp(1, **changes)})  # type: ignore[arg-type]


def test_a_token_that_may_send_is_found_with_its_keys() -> None:
    known = holding(snapshot())

    granted = known.by_token(TOKEN)

    assert granted is not None
    assert granted.principal.grant == grant()
    for kind in (Kind.EVENT, Kind.OPEN):
        known.store.confirm(granted.keys[kind])
    assert known.by_token(TOKEN) is granted


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "{}"])
def test_a_token_in_the_header_is_found(form: str) -> None:
    granted = holding(snapshot()).by_token("", form.format(TOKEN))

    assert granted is not None
    assert granted.principal.grant == grant()


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at_ms": NOW_MS + 1},
        {"expires_at_ms": NOW_MS - 1},
        {"scopes": (Scope.EVENTS,)},
        {"scopes": (Scope.SESSIONS,)},
        {"sdk": True},
    ],
    ids=["expires", "has expired", "events only", "sessions only", "SDK"],
)
def test_a_token_that_may_not_send_everything_always_is_left_to_the_endpoint(
    changes: dict[str, object],
) -> None:
    assert holding(snapshot(1, **{TOKEN: grant(**changes)})).by_token(TOKEN) is None


@pytest.mark.parametrize("token", ["", "another", "ä", "x" * 5_000, f"{TOKEN}{' ' * 2_000}"])
def test_what_nobody_has_or_is_very_long_is_not_remembered(token: str) -> None:
    known = holding(snapshot())

    known.by_token(token)
    assert len(known.principals) == 0


def test_two_different_tokens_are_left_to_the_endpoint() -> None:
    held = snapshot(1, **{TOKEN: grant(), "other": grant(token_id=2)})

    assert holding(held).by_token(TOKEN, "Bearer other") is None
    assert holding(held).by_token(TOKEN, f"Bearer {TOKEN}") is not None


def test_an_app_is_found_with_its_token_and_the_key_for_its_scope() -> None:
    known = holding(with_app(enforced=tuple(Scope)))

    for dialect in (EVENT, SESSION):
        granted = known.of_app(TOKEN, dialect)
        assert granted is not None
        assert granted.principal.app is not None
        for key in granted.keys.values():
            known.store.confirm(key)


@pytest.mark.parametrize(
    "granted",
    [
        grant(app_id=2),
        grant(scopes=(Scope.SESSIONS,)),
        grant(expires_at_ms=NOW_MS + 1),
        grant(sdk=True),
    ],
    ids=["of another app", "of another scope", "expires", "SDK"],
)
def test_a_token_that_is_not_right_for_an_app_is_left_to_the_endpoint(granted: Grant) -> None:
    grants = snapshot(1, **{TOKEN: granted}).grants
    known = holding(structs.replace(with_app(), grants=grants))

    assert known.of_app(TOKEN) is None
    assert known.of_app("another") is None
    assert known.of_app("") is None


def test_an_app_with_stateful_refusals_is_left_to_the_endpoint() -> None:
    assert holding(with_app(adjust_refusals=True)).of_app(TOKEN) is None


def test_a_link_is_found_and_no_token_beside_it() -> None:
    known = holding(linked())

    granted = known.principals.find(CLICK, LINK, None)

    assert granted is not None
    assert granted.principal.grant.token_id == NO_TOKEN
    assert granted.principal.link is not None
    assert known.principals.find(CLICK, LINK, f"Bearer {TOKEN}") is None


def test_an_archived_link_is_left_to_the_endpoint() -> None:
    assert holding(linked(is_archived=True)).principals.find(CLICK, LINK, None) is None


def test_what_one_endpoint_knows_is_not_what_another_one_does() -> None:
    known = holding(with_app())

    assert known.by_token(TOKEN) is not None
    assert known.by_token(TOKEN, dialect=EVENT) is None  # it names no app
    assert known.by_token(TOKEN, dialect=CLICK) is None  # it names no link


def test_all_are_forgotten_with_the_snapshot_that_granted_them() -> None:
    known = holding(structs.replace(linked(), apps={APP_TOKEN: KnownApp(1)}))
    assert known.by_token(TOKEN) is not None
    assert known.of_app(TOKEN) is not None
    assert known.principals.find(CLICK, LINK, None) is not None

    known.store.use(snapshot(2, another=grant(token_id=2)))
    assert known.by_token(TOKEN) is None
    assert known.of_app(TOKEN) is None
    assert known.principals.find(CLICK, LINK, None) is None

    known.store.use(None)
    assert known.by_token("another") is None
    assert known.principals.find(CLICK, LINK, None) is None


def test_no_more_senders_are_remembered_than_the_limit() -> None:
    many = {f"token{number}": grant(token_id=number) for number in range(PRINCIPALS_MAX + 5)}
    known = holding(snapshot(1, **many))

    assert all(known.by_token(token) for token in many)
    assert len(known.principals) <= PRINCIPALS_MAX
