"""The tokens that the fast path knows: those that may send, until the snapshot changes."""

import pytest

from ingest.credential_store import CredentialStore
from ingest.fast_path import TOKENS_MAX, GrantedTokens
from shared.events import Kind
from shared.scopes import Scope
from shared.snapshot import Grant
from tests.support.build import NOW_MS, SECRET_KEY, TOKEN, grant, now, snapshot


def tokens_of(**grants: Grant) -> tuple[CredentialStore, GrantedTokens]:
    store = CredentialStore(SECRET_KEY, now)
    store.use(snapshot(1, **grants))
    return store, GrantedTokens(store)


def test_a_token_that_may_send_is_found_with_its_keys() -> None:
    store, tokens = tokens_of()

    granted = tokens.find(TOKEN)

    assert granted is not None
    assert granted.principal.grant == grant()
    for kind in (Kind.EVENT, Kind.OPEN):
        store.confirm(granted.keys[kind])
    assert tokens.find(TOKEN) is granted


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
    _, tokens = tokens_of(**{TOKEN: grant(**changes)})

    assert tokens.find(TOKEN) is None


@pytest.mark.parametrize("token", ["", "another", "ä", "x" * 5_000])
def test_a_token_that_nobody_has_is_not_remembered(token: str) -> None:
    _, tokens = tokens_of()

    assert tokens.find(token) is None
    assert len(tokens) == 0


def test_a_token_is_forgotten_with_the_snapshot_that_granted_it() -> None:
    store, tokens = tokens_of()
    assert tokens.find(TOKEN) is not None

    store.use(snapshot(2, another=grant(token_id=2)))
    assert tokens.find(TOKEN) is None

    store.use(None)
    assert tokens.find("another") is None


def test_no_more_tokens_are_remembered_than_the_limit() -> None:
    many = {f"token{number}": grant(token_id=number) for number in range(TOKENS_MAX + 5)}
    _, tokens = tokens_of(**many)

    assert all(tokens.find(token) for token in many)
    assert len(tokens) <= TOKENS_MAX
