"""The fast path takes usual requests only, and notes what the endpoint would note."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from falcon.asgi import Request
from falcon.testing import create_scope
from msgspec import structs

from ingest.authentication import Authenticator
from ingest.bad_tokens import BadTokens
from ingest.credential_store import CredentialStore, TokenKey
from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT, REVENUE
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.common_fields import TOKEN_NAMES
from ingest.dialects.dialect import Dialect, ParsedRequest
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.fast_path import FastPath, GrantedPrincipals
from ingest.forgotten_devices import ForgottenDevices
from ingest.rate_limits.limiter import RateLimiter
from ingest.request_log import checks
from ingest.request_log.journal import RequestState
from shared.events import Event
from shared.scopes import Scope
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import (
    LINK,
    NOW_MS,
    RECEIPT,
    SECRET_KEY,
    TOKEN,
    digest,
    grant,
    linked,
    now,
    snapshot,
)
from tests.unit.ingest.harness import POSTBACK as QUERY
from tests.unit.ingest.harness import Running, publish, running
from tests.unit.loop import in_loop, until


async def never() -> None:
    """Looks for no newer snapshot."""


class NobodyForgotten:
    has_any = False


async def unread() -> dict[str, Any]:
    raise AssertionError("The fast path reads no body.")


def read(
    query: str = QUERY, dialect: Dialect = POSTBACK, form: bytes = b"", **options: Any
) -> tuple[ParsedRequest | None, RequestState]:
    """What the fast path makes of a request, and what it notes about it."""
    store = CredentialStore(SECRET_KEY, now)
    store.use(snapshot())
    state = RequestState("swaarm", Scope.EVENTS)
    scope = create_scope(path="/postback", query_string=query, **options)
    scope["headers"] = [tuple(header) for header in scope["headers"]]
    principals = GrantedPrincipals(store, Authenticator(store, never), RateLimiter(store, now))
    fast_path = FastPath(dialect, principals, cast("ForgottenDevices", NobodyForgotten()), now)
    plain = fast_path.read(Request(scope, unread), form)
    if plain is None:
        return None, state
    plain.note(state)
    assert plain.key == TokenKey(digest(), state.scope)
    return plain.parsed, state


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
        {"Authorization": "Bearer another"},
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


@pytest.mark.parametrize("name", ["Authorization", "User-Agent"])
def test_a_header_that_is_repeated_is_left_to_the_endpoint(name: str) -> None:
    repeated = [(name, f"Bearer {TOKEN}"), (name, "Bearer another")]

    assert read(headers=repeated)[0] is None
    assert read(headers=repeated[:1])[0] is not None


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
    assert read(dialect=REVENUE)[0] is None


def test_a_token_in_the_header_is_as_good_as_one_in_the_query() -> None:
    query = QUERY.replace(f"s2s_token={TOKEN}&", "")
    by_header, _ = read(query, headers={"Authorization": f"Bearer {TOKEN}"})
    by_query, _ = read()

    assert by_header is not None
    assert by_query is not None
    assert without_receipt(by_header.event) == without_receipt(by_query.event)


def test_a_form_is_read_with_what_the_query_has() -> None:
    user, event = "user_id=u-1", f"s2s_token={TOKEN}&event_id=register"
    headers = {"Content-Length": str(len(event))}
    parsed, state = read(user, form=event.encode(), method="POST", headers=headers)

    assert parsed is not None
    assert parsed.event.user_id == "u-1"
    assert state.size_bytes == len(user) + len(event)
    assert read(user, form=b"user_id=u-2", method="POST")[0] is None


# Both ways through the whole application.

APPS = {
    "4w565xzmb54d": KnownApp(
        1,
        event_types={
            "tok": KnownEventType(9, "purchase"),
            "once": KnownEventType(10, "tutorial", is_unique=True),
        },
    )
}
HELD: Snapshot = structs.replace(
    linked(snapshot(), destination="https://shop.example/?c={campaign}"), apps=APPS
)
GAID = "gps_adid=38400000-8cf0-11bd-b23e-10b96e40000d"
ADJUST = f"app_token=4w565xzmb54d&s2s_token={TOKEN}&{GAID}"
CALLS = {
    "/postback": QUERY,
    "/s2sevent": f"{QUERY}&ip_address=203.0.113.7&user_agent=x",
    "/click": f"{LINK}&campaign=spring&gaid=38400000-8cf0-11bd-b23e-10b96e40000d",
    "/impression": f"{LINK}&campaign=spring",
    "/event": f"{ADJUST}&event_token=tok&revenue=4.99&currency=EUR",
    "/session": f"{ADJUST}&environment=sandbox",
    "/ad_revenue": f"{ADJUST}&revenue=0.5&currency=EUR&ad_impressions_count=3",
}
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"},
    {"Authorization": f"Bearer {TOKEN}"},
    {"Authorization": "Bearer another"},
    {"Authorization": "Signature x", "Client-SDK": "web5.7.0"},
    {"Idempotency-Key": "order-1"},
    {"Sec-Purpose": "prefetch"},
    {"X-Adjust-Forwarded-For": "203.0.113.9"},
)
CHANGES = (
    *("", "&s2s_token=another", "&user_id=u-2", "&no_redirect=true", "&event_time=1"),
    *("&ip_address=x", "&event_token=once", "&created_at_unix=1767323045", "&revenue=abc"),
    *("&user_ip=198.51.100.7&user_ua=Mozilla", "&os_version=14&os_name=android", "&adid=0"),
    *("&a=%C3%A4", "&a=%00", "&a=b%3Fc", "&amp;a=b", "&environment=production"),
)


def without_receipt(event: Event) -> Event:
    return structs.replace(event, receipt=RECEIPT, click_id=None)


async def told(ingest: Running, path: str, **request: Any) -> tuple[object, ...]:
    """What a sender is answered, and what is stored and recorded of the request."""
    before = len(ingest.stored())
    answer = await ingest.conductor.simulate_request(path=path, **request)
    recorded = [
        structs.replace(outcome, event=outcome.event and without_receipt(outcome.event))
        for outcomes in ingest.parts.checks._pending.values()
        for outcome in outcomes
    ]
    ingest.parts.checks._pending.clear()
    events = [without_receipt(event) for event in ingest.stored()[before:]]
    unlike = {"waybill-receipt", "retry-after"}
    headers = {name for name in answer.headers if name not in unlike}
    body = None if "id" in (answer.json if answer.content else {}) else answer.text
    return answer.status_code, headers, body, events, recorded


def requests(path: str) -> Iterator[dict[str, Any]]:
    """Each change of the usual call of an endpoint, by query and by form, and each header."""
    for changes, headers in [*((change, {}) for change in CHANGES), *(("", h) for h in HEADERS)]:
        query = CALLS[path] + changes
        yield {"method": "GET", "query_string": query, "headers": headers}
        first, _, rest = query.partition("&")
        as_form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        for sent, form in ((first, rest), ("", query)):
            yield {"method": "POST", "query_string": sent, "body": form, "headers": as_form}


@pytest.mark.parametrize("path", CALLS)
@in_loop
async def test_a_request_is_answered_and_recorded_alike_by_either_way(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_wait(_: BadTokens, _seconds: float) -> None:
        """Answers who guesses tokens at once."""

    monkeypatch.setattr(BadTokens, "wait", no_wait)
    # What is recorded is read before it is written, also on a busy machine.
    monkeypatch.setattr(checks, "_PAUSE_SECONDS", 3_600)
    async with running(HELD) as ingest:
        fast = [await told(ingest, path, **request) for request in requests(path)]
    monkeypatch.setattr(FastPath, "read", lambda *_: None)
    async with running(HELD) as ingest:
        for request, expected in zip(requests(path), fast, strict=True):
            assert await told(ingest, path, **request) == expected, request
    assert len(fast) > 60


@pytest.mark.parametrize("path", CALLS)
@in_loop
async def test_who_was_revoked_is_not_let_in_by_what_is_remembered(path: str) -> None:
    async with running(HELD) as ingest:
        get = ingest.conductor.simulate_get
        assert (await get(path, query_string=CALLS[path])).status_code in {200, 302}
        revoked = structs.replace(HELD, version=2, grants={}, links={}, apps={})
        publish(ingest.redis, revoked)

        assert (await get(path, query_string=CALLS[path])).status_code in {400, 401, 404}
        assert len(ingest.stored()) == 1


@pytest.mark.parametrize("path", ["/event", "/session", "/ad_revenue"])
@in_loop
async def test_authentication_that_is_switched_on_refuses_who_sends_no_token(path: str) -> None:
    query = CALLS[path].replace(f"s2s_token={TOKEN}&", "")
    async with running(HELD) as ingest:
        get = ingest.conductor.simulate_get
        assert (await get(path, query_string=CALLS[path])).status_code == 200
        assert (await get(path, query_string=query)).status_code == 200
        enforced = {
            token: structs.replace(app, enforced=tuple(Scope)) for token, app in APPS.items()
        }
        publish(ingest.redis, structs.replace(HELD, version=2, apps=enforced))
        await until(lambda: ingest.parts.credential_store.version == 2)

        assert (await get(path, query_string=query)).status_code == 401
        assert (await get(path, query_string=CALLS[path])).status_code == 200


@pytest.mark.parametrize("path", ["/postback", "/s2sevent", "/event", "/session", "/ad_revenue"])
@pytest.mark.parametrize("name", sorted(TOKEN_NAMES - {"s2s_token"}))
@in_loop
async def test_a_token_under_another_name_lets_nobody_else_in(path: str, name: str) -> None:
    enforced = {token: structs.replace(app, enforced=tuple(Scope)) for token, app in APPS.items()}
    async with running(structs.replace(HELD, apps=enforced)) as ingest:
        get = ingest.conductor.simulate_get
        named = CALLS[path].replace("s2s_token=", f"{name}=")
        assert (await get(path, query_string=named)).status_code == 200
        nameless = CALLS[path].replace(f"s2s_token={TOKEN}&", "")

        assert TOKEN not in nameless
        assert (await get(path, query_string=nameless)).status_code in {400, 401}
        assert len(ingest.stored()) == 1


@pytest.mark.parametrize("path", ["/event", "/session", "/ad_revenue"])
@pytest.mark.parametrize("authorization", [None, "Signature signature=x"])
def test_a_call_that_may_be_an_sdks_is_left_to_the_endpoint(
    path: str, authorization: str | None
) -> None:
    dialects = {"/event": EVENT, "/session": SESSION, "/ad_revenue": AD_REVENUE}
    store = CredentialStore(SECRET_KEY, now)
    store.use(HELD)
    principals = GrantedPrincipals(store, Authenticator(store, never), RateLimiter(store, now))
    values = dict(part.split("=") for part in CALLS[path].split("&"))

    assert principals.find(dialects[path], values, None) is not None
    del values["s2s_token"]
    assert principals.find(dialects[path], values, authorization) is None
    assert principals.find(dialects[path], {**values, "token": TOKEN}, authorization) is None
    assert len(principals) == 1
