"""The fast path takes usual requests only, and notes what the endpoint would note."""

from typing import Any

import pytest
from falcon.testing import create_asgi_req

from ingest.credential_store import CredentialStore, TokenKey
from ingest.dialects.dialect import Dialect, ParsedRequest
from ingest.dialects.swaarm.click import CLICK
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.fast_path import FastPath, GrantedTokens
from ingest.request_log.journal import RequestState
from shared.scopes import Scope
from tests.support.build import NOW_MS, SECRET_KEY, TOKEN, digest, grant, now, snapshot
from tests.unit.ingest.harness import POSTBACK as QUERY


def read(
    query: str = QUERY, dialect: Dialect = POSTBACK, **options: Any
) -> tuple[ParsedRequest | None, RequestState]:
    """What the fast path makes of a request, and what it notes about it."""
    store = CredentialStore(SECRET_KEY, now)
    store.use(snapshot())
    state = RequestState("swaarm", Scope.EVENTS)
    request = create_asgi_req(path="/postback", query_string=query, **options)
    reading = FastPath(dialect, GrantedTokens(store), now).read(request, state)
    if reading is None:
        return None, state
    parsed, key = reading
    assert key == TokenKey(digest(), state.scope)
    return parsed, state


def test_a_usual_request_is_read_with_its_state() -> None:
    parsed, state = read()

    assert parsed is not None
    assert parsed.event.user_id == "0000-AAAA-BBBB-CCCC"
    assert parsed.event.received_at_ms == NOW_MS
    assert parsed.event.token_id == grant().token_id
    assert state.principal is not None
    assert state.principal.shown_token_id == grant().token_id
    assert state.size_bytes == len(QUERY)
    assert state.raw.values("event_id") == (b"register",)


def test_an_open_takes_the_scope_of_sessions() -> None:
    parsed, state = read(QUERY.replace("register", "__open"))

    assert parsed is not None
    assert state.scope is Scope.SESSIONS


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Idempotency-Key": "order-4711"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=str,
)
def test_a_header_that_means_something_is_left_to_the_endpoint(headers: dict[str, str]) -> None:
    parsed, state = read(headers=headers)

    assert parsed is None
    assert state == RequestState("swaarm", Scope.EVENTS)


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_another_method_is_left_to_the_endpoint(method: str) -> None:
    assert read(method=method)[0] is None


@pytest.mark.parametrize(
    "query",
    [
        f"{QUERY}&user_id=another",
        f"{QUERY}&name=%C3%A4",
        f"{QUERY}&name=%00",
        f"{QUERY}&sale_amount=abc",
        f"{QUERY}&event_time=1",
        f"{QUERY}&token=another",
        f"{QUERY}&amp;plan=x",
        QUERY.replace(TOKEN, "another"),
        "user_id=u&event_id=register",
        f"{QUERY}&filler={'x' * 70_000}",
        "&".join([QUERY, *(f"name{number}=x" for number in range(70))]),
        "",
    ],
)
def test_an_unusual_query_is_left_to_the_endpoint(query: str) -> None:
    parsed, state = read(query)

    assert parsed is None
    assert state == RequestState("swaarm", Scope.EVENTS)


def test_an_endpoint_without_a_table_reads_everything_itself() -> None:
    assert read(dialect=CLICK)[0] is None
