"""Every token at every endpoint under every enforcement: what is answered, recorded and counted."""

from itertools import product
from typing import Any

import pytest
from msgspec import structs

from ingest.bad_tokens import FREE_TRIES
from shared.events import Event
from shared.integration_log import recent_checks
from shared.rejections import bad_token_addresses, rejection_counts
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN, KnownApp, KnownEventType, Snapshot
from tests.support.build import NOW_MS, digest, grant, linked, snapshot
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

IDFV = "CCB300A0-DE1B-4D48-BC7E-599E453B8DD4"
USER = IDFV.lower()

TOKENS = {
    "unscoped": 1,
    "events": 2,
    "sessions": 3,
    "ad_revenue": 4,
    "expired": 5,
    "inactive": 6,
    "other": 7,
}
SENT = {"none": None, "wrong": "wrong", **{name: name for name in TOKENS}}

ADJUST: dict[str, Scope] = {
    "/event": Scope.EVENTS,
    "/session": Scope.SESSIONS,
    "/ad_revenue": Scope.AD_REVENUE,
}
SWAARM = {
    "/postback": ("user_id=u&event_id=register", Scope.EVENTS),
    "/s2sevent": (
        "user_id=u&user_ip=203.0.113.7&user_ua=Mozilla/5.0&event_id=__open",
        Scope.SESSIONS,
    ),
    "/click": ("no_redirect=true&user_ip=203.0.113.7&user_ua=Mozilla/5.0", Scope.EVENTS),
}
ENFORCED: list[tuple[Scope, ...]] = [(), tuple(Scope), *((scope,) for scope in Scope)]

FAULTS = {
    "none": "missing_token",
    "wrong": "wrong_token",
    "expired": "expired_token",
    "inactive": "inactive_token",
    "other": "other_app_token",
}


def fault_of(sent: str, scope: Scope) -> str | None:
    """Returns the fault of this token for this scope, derived from its name."""
    if sent in FAULTS:
        return FAULTS[sent]
    return None if sent in {"unscoped", scope} else "insufficient_scope"


def published(enforced: tuple[Scope, ...]) -> Snapshot:
    granted: dict[str, Any] = {
        "unscoped": grant(token_id=1),
        **{scope: grant(token_id=TOKENS[scope], scopes=(scope,)) for scope in Scope},
        "expired": grant(token_id=5, expires_at_ms=NOW_MS),
        "other": grant(token_id=7, app_id=2),
    }
    return structs.replace(
        linked(snapshot(1, **granted)),
        inactive={digest("inactive"): grant(token_id=6)},
        apps={"app": KnownApp(1, enforced, event_types={"tok": KnownEventType(9, "purchase")})},
    )


async def ask(product: Running, path: str, query: str, sent: str) -> Any:
    token = SENT[sent]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await product.conductor.simulate_get(path, query_string=query, headers=headers)


ADJUST_QUERY = (
    f"s2s=1&app_token=app&event_token=tok&idfv={IDFV}"
    "&revenue=1&currency=EUR&ad_impressions_count=1&source=publisher"
)
REFUSED = {
    "/event": "Event request failed (Failed to authorize request)",
    "/session": "Session failed (Failed to authorize request)",
    "/ad_revenue": "Ad revenue request failed (wrong authentication token) (app_token:app)",
}


@pytest.mark.parametrize("enforced", ENFORCED, ids=lambda scopes: "+".join(scopes) or "off")
@in_loop
async def test_in_the_adjust_dialect(enforced: tuple[Scope, ...]) -> None:
    async with running(published(enforced)) as ingest:
        expected: list[tuple[str, str | None, int]] = []
        refused = 0
        for sent, (path, scope) in product(SENT, ADJUST.items()):
            fault = fault_of(sent, scope)
            answer = await ask(ingest, path, ADJUST_QUERY, sent)
            if fault is None or scope not in enforced:
                assert answer.status_code == 200, (sent, path)
                token_id = NO_TOKEN if fault else TOKENS[sent]
                expected.append((path, fault, token_id))
            else:
                refused += 1
                assert answer.status_code == 401, (sent, path)
                message = REFUSED[path]
                if sent == "none":
                    message = message.replace("wrong", "missing")
                assert answer.json == {"error": message}
        stored = [(event.endpoint, event.would_refuse, event.token_id) for event in ingest.stored()]

        assert stored == expected
        await ingest.parts.rejections.write()
        assert rejection_counts(ingest.redis).get("unauthorized", 0) == refused


@in_loop
async def test_in_swaarms_dialect_where_enforcement_changes_nothing() -> None:
    for enforced in ENFORCED:
        async with running(published(enforced)) as ingest:
            expected: list[tuple[str, int, int]] = []
            for sent, (path, (query, scope)) in product(SENT, SWAARM.items()):
                answer = await ask(ingest, path, f"{query}&offer_id=12&pub_id=34", sent)
                lets_in = sent in {"unscoped", scope} or (sent == "none" and path == "/click")
                # Another app's token is one of that app: the event is that app's.
                lets_in |= sent == "other" and path != "/click"
                if lets_in:
                    assert answer.status_code == 200, (sent, path)
                    expected.append((path, TOKENS.get(sent, NO_TOKEN), 2 if sent == "other" else 1))
                elif sent == "other":
                    assert answer.json["error"]["code"] == "unknown_link"
                else:
                    assert answer.status_code == 401, (sent, path)
                    assert answer.json["error"]["code"] == "unauthorized"
            stored = [(event.endpoint, event.token_id, event.app_id) for event in ingest.stored()]

            assert stored == expected
            assert {event.would_refuse for event in ingest.stored()} == {None}


@in_loop
async def test_the_integration_check_shows_each_request_under_the_token_that_it_carried() -> None:
    async with running(published((Scope.EVENTS,))) as ingest:
        for sent in SENT:
            await ask(ingest, "/event", ADJUST_QUERY, sent)
            await ask(ingest, "/session", ADJUST_QUERY, sent)
        await ingest.parts.checks.write()

        shown = recent_checks(ingest.redis, 1, range(8), 50)

    seen = {
        (token, entry.endpoint): (entry.status, entry.fault, entry.enforced, entry.scope)
        for token, entries in shown.items()
        for entry in entries
        if token != NO_TOKEN
    }
    assert seen[1, "/event"] == (200, None, False, "events")
    assert seen[3, "/event"] == (401, "insufficient_scope", True, "events")
    assert seen[2, "/session"] == (200, "insufficient_scope", False, "sessions")
    assert seen[5, "/event"] == (401, "expired_token", True, "events")
    assert seen[6, "/session"] == (200, "inactive_token", False, "sessions")
    assert not shown[7]  # another app's token is nobody's here
    faults = {entry.fault for entry in shown[NO_TOKEN]}
    assert faults == {"missing_token", "wrong_token", "other_app_token"}


@in_loop
async def test_the_check_knows_whose_a_refused_token_is_in_swaarms_dialect_too() -> None:
    async with running(published(())) as ingest:
        for sent in ("inactive", "expired", "events"):
            await ask(ingest, "/postback", "user_id=u&event_id=__open", sent)
        await ingest.parts.checks.write()

        shown = recent_checks(ingest.redis, 1, (2, 5, 6), 50)

    assert [shown[token][0].fault for token in (2, 5, 6)] == [
        "insufficient_scope",
        "expired_token",
        "inactive_token",
    ]
    assert shown[2][0].scope == "sessions"  # the scope that it lacks


@in_loop
async def test_the_check_shows_the_fault_of_a_token_though_a_field_was_refused() -> None:
    """Otherwise an app would look ready while its senders send no token."""
    async with running(published(())) as ingest:
        for sent in ("none", "inactive"):
            await ask(ingest, "/event", ADJUST_QUERY.replace("=tok", "=unknown"), sent)
        await ingest.parts.checks.write()

        shown = recent_checks(ingest.redis, 1, (NO_TOKEN, 6), 50)

    seen = [(entry.code, entry.field, entry.fault, entry.enforced) for (entry,) in shown.values()]
    assert seen == [
        ("malformed_field", "event_token", "missing_token", False),
        ("malformed_field", "event_token", "inactive_token", False),
    ]


@in_loop
async def test_bad_tokens_are_counted_by_address_and_tokens_nobody_guessed_are_not() -> None:
    async with running(published((Scope.EVENTS,))) as ingest:
        for sent in ("none", "events", "sessions", "unscoped"):
            await ask(ingest, "/event", ADJUST_QUERY, sent)
        await ingest.parts.rejections.write()
        assert bad_token_addresses(ingest.redis, 10) == {}

        for _ in range(FREE_TRIES - 1):
            await ask(ingest, "/event", ADJUST_QUERY, "wrong")
        await ask(ingest, "/session", ADJUST_QUERY, "expired")  # accepted, and counted
        await ingest.parts.rejections.write()

        (count,) = bad_token_addresses(ingest.redis, 10).values()
        assert count == FREE_TRIES


@in_loop
async def test_the_last_use_of_a_token_is_noted_when_it_let_a_request_in() -> None:
    async with running(published((Scope.EVENTS,))) as ingest:
        for sent in ("events", "sessions"):
            await ask(ingest, "/event", ADJUST_QUERY, sent)
        await ingest.parts.checks.write()

        assert ingest.redis.hgetall("waybill:tokens:used") == {b"2": str(NOW_MS).encode()}


def of_user(events: list[Event]) -> set[str]:
    return {event.user_id for event in events}


@in_loop
async def test_one_device_is_one_user_in_both_dialects() -> None:
    async with running(published(())) as ingest:
        await ask(ingest, "/session", ADJUST_QUERY, "none")
        for user in (IDFV, USER):
            await ask(ingest, "/postback", f"user_id={user}&event_id=register", "unscoped")

        assert of_user(ingest.stored()) == {USER}
