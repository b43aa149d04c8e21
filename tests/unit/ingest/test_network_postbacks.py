"""Postbacks of networks: by a click id or a security token, where an app wants them."""

from collections.abc import Callable
from typing import Any

import pytest
from falcon.testing import Result
from msgspec import structs

from shared.events import Environment, Kind
from shared.ids import click_id_of
from shared.scopes import Scope
from shared.snapshot import KnownApp, LinkKey, Snapshot
from tests.support.build import LINK, LINK_KEY, grant, link, snapshot
from tests.unit.ingest.harness import Running, publish, running
from tests.unit.loop import in_loop

SWAARMS = "AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA"  # of offer 19, publisher 14
ACCEPTED, REFUSED = 200, 401


def published(version: int = 1, *, by_click: bool = False, by_token: bool = False) -> Snapshot:
    """App 1 as it is told, and app 2, which accepts both; each has a link."""
    apps = {
        "shop": KnownApp(1, click_id_postbacks=by_click, security_token_postbacks=by_token),
        "other": KnownApp(2, click_id_postbacks=True, security_token_postbacks=True),
    }
    granted = {
        "backend": grant(),
        "network": grant(token_id=2, scopes=(Scope.EVENTS,)),
        "sessions": grant(token_id=3, scopes=(Scope.SESSIONS,)),
        "theirs": grant(token_id=4, app_id=2),
        "test": grant(token_id=5, environment=Environment.SANDBOX),
    }
    links = {
        LINK_KEY: link(),
        LinkKey("19", "14"): link(link_id=8),
        LinkKey("5", "6"): link(link_id=9, app_id=2),
    }
    return structs.replace(snapshot(version, **granted), links=links, apps=apps)


async def click(ingest: Running, query: str = LINK, path: str = "/click") -> str:
    """Follows a link; returns the click id that its partner gets to know."""
    answer = await ingest.conductor.simulate_get(path, query_string=f"{query}&no_redirect=true")
    assert answer.status_code == ACCEPTED
    return str(answer.json["id"])


async def postback(ingest: Running, query: str, **options: Any) -> Result:
    answer = await ingest.get(query, **options)
    if answer.status_code == REFUSED:
        assert answer.json["error"]["code"] == "unauthorized"
    return answer


@in_loop
async def test_a_click_id_stands_in_for_a_token_where_the_app_wants_it() -> None:
    async with running(published(by_click=True)) as ingest:
        click_id = await click(ingest)

        answer = await postback(ingest, f"click_id={click_id}&gaid={{gaid}}")

        _, event = ingest.stored()
        assert answer.status_code == ACCEPTED
        assert (event.app_id, event.environment) == (1, Environment.PRODUCTION)
        assert (event.token_id, event.user_id, event.click_id) == (0, click_id, click_id)
        assert (event.kind, event.event_id) == (Kind.EVENT, "__install")


@in_loop
async def test_a_new_app_wants_a_token() -> None:
    async with running(published()) as ingest:
        click_id = await click(ingest)

        for query in (f"click_id={click_id}", f"click_id={click_id}&security_token=network"):
            assert (await postback(ingest, query)).status_code == REFUSED
        assert [event.kind for event in ingest.stored()] == [Kind.CLICK]


@pytest.mark.parametrize(
    "make",
    [
        lambda _: "made-up-by-somebody",
        lambda _: "",
        lambda _: "{click_id}",
        lambda click_id: click_id[:-1] + ("A" if click_id[-1] != "A" else "B"),
        lambda click_id: click_id[::-1],
        lambda click_id: f"{click_id}&click_id=another",
        lambda click_id: f"{click_id}&user_id=somebody",
        lambda click_id: f"{click_id}&user_id=a&user_id=b",
    ],
)
@in_loop
async def test_nobody_makes_up_a_click_or_speaks_for_a_user(make: Callable[[str], str]) -> None:
    async with running(published(by_click=True)) as ingest:
        click_id = make(await click(ingest))

        assert (await postback(ingest, f"click_id={click_id}")).status_code == REFUSED
        assert len(ingest.stored()) == 1


@in_loop
async def test_a_click_of_an_app_speaks_for_that_app_alone() -> None:
    async with running(published()) as ingest:
        ours, theirs = await click(ingest), await click(ingest, "offer_id=5&pub_id=6")

        assert (await postback(ingest, f"click_id={ours}")).status_code == REFUSED
        assert (await postback(ingest, f"click_id={theirs}")).status_code == ACCEPTED
        assert [event.app_id for event in ingest.stored()] == [1, 2, 2]


@in_loop
async def test_a_test_tokens_click_reports_to_the_sandbox() -> None:
    async with running(published(by_click=True)) as ingest:
        click_id = await click(ingest, f"{LINK}&token=test&user_ip=203.0.113.7&user_ua=UA")

        await postback(ingest, f"click_id={click_id}")

        assert [event.environment for event in ingest.stored()] == [Environment.SANDBOX] * 2


@in_loop
async def test_a_click_of_swaarm_is_known_by_the_link_that_was_moved() -> None:
    async with running(published(by_click=True)) as ingest:
        known = await postback(ingest, f"click_id={SWAARMS}&event_id=purchase&sale_amount=5")
        other = await postback(ingest, "click_id=Bd8aKzsAAAF1Wj-3twABwfUAAFG0")

        assert (known.status_code, other.status_code) == (ACCEPTED, REFUSED)
        assert [(event.app_id, event.sale_amount) for event in ingest.stored()] == [(1, "5")]


@pytest.mark.parametrize(
    ("by_click", "by_token", "sent", "status"),
    [
        (False, True, "network", ACCEPTED),
        (False, True, "wrong", REFUSED),
        (False, True, "sessions", REFUSED),
        (False, True, "network&security_token=backend", REFUSED),
        (False, True, "", REFUSED),
        (False, False, "network", REFUSED),
        (True, False, "wrong", ACCEPTED),  # says nothing where the app asks for none
        (True, True, "wrong", REFUSED),
        (True, True, "network", ACCEPTED),
        (True, True, "", ACCEPTED),
    ],
)
@in_loop
async def test_a_security_token_counts_where_the_app_wants_it(
    by_click: bool, by_token: bool, sent: str, status: int
) -> None:
    async with running(published(by_click=by_click, by_token=by_token)) as ingest:
        click_id = await click(ingest)

        answer = await postback(ingest, f"click_id={click_id}&security_token={sent}")

        assert answer.status_code == status
        assert "security_token" not in repr(ingest.stored())
        assert len(ingest.stored()) == 1 + (status == ACCEPTED)


@in_loop
async def test_a_security_token_is_a_token_of_its_own_app() -> None:
    async with running(published(by_token=True)) as ingest:
        answer = await postback(ingest, "security_token=theirs&user_id=u&event_id=purchase")

        (event,) = ingest.stored()
        assert answer.status_code == ACCEPTED
        assert (event.app_id, event.token_id, event.user_id) == (2, 4, "u")


@in_loop
async def test_a_security_token_beside_a_token_is_neither_asked_nor_stored() -> None:
    async with running(published()) as ingest:
        answer = await postback(
            ingest, "s2s_token=backend&user_id=u&event_id=purchase&security_token=wrong"
        )

        assert answer.status_code == ACCEPTED
        assert ingest.stored()[0].parameters == {}


@in_loop
async def test_a_switch_that_was_turned_off_stops_the_next_call() -> None:
    async with running(published(by_click=True)) as ingest:
        click_id = await click(ingest)
        publish(ingest.redis, published(2))

        assert (await postback(ingest, f"click_id={click_id}")).status_code == REFUSED
        publish(ingest.redis, published(3, by_click=True))
        assert (await postback(ingest, f"click_id={click_id}")).status_code == ACCEPTED


@in_loop
async def test_without_a_token_neither_time_nor_key_are_the_senders_to_choose() -> None:
    async with running(published(by_click=True)) as ingest:
        click_id = await click(ingest)
        query = f"click_id={click_id}&event_time=1767323000&idempotency_key=order-1"

        await postback(ingest, query)

        event = ingest.stored()[-1]
        assert (event.event_time_ms, event.idempotency_key) == (None, None)
        assert event.parameters == {"event_time": "1767323000", "idempotency_key": "order-1"}


@in_loop
async def test_sealing_a_click_keeps_its_receipt_and_id_one() -> None:
    async with running(published()) as ingest:
        click_id = await click(ingest, path="/impression")

        (event,) = ingest.stored()
        assert click_id == event.click_id == click_id_of(event.receipt)
