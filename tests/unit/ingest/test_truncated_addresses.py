"""An app that wants no complete IP addresses: none is written, whichever way an event comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import structs

from ingest.bad_tokens import FREE_TRIES
from shared.events import Environment
from shared.rejections import bad_token_addresses, recent_rejections
from shared.sdk.known_attributions import KnownAttribution, place_name
from shared.sdk.known_attributions import publish as publish_known
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import LINK, NOW_MS, TOKEN, grant, linked, snapshot
from tests.unit.ingest.harness import Running, publish, running
from tests.unit.ingest.sdks.sdk_app import SDK_TOKEN, sdk_snapshot, send_batch, send_form
from tests.unit.loop import in_loop

ADDRESS, NETWORK = "81.2.69.142", "81.2.69.0"
EVENT = f"s2s_token={TOKEN}&user_id=u&event_id=register&ip_address={ADDRESS}&user_agent=Pixel"
BEHIND = {"X-Forwarded-For": ADDRESS}
LINE = {"type": "event", "time": NOW_MS, "user_id": "u", "event_id": "buy", "ip": ADDRESS}
APP_TOKEN = "4w565xzmb54d"


def truncating(held: Snapshot) -> Snapshot:
    return structs.replace(held, truncating_apps=frozenset({1}))


@asynccontextmanager
async def ingest_of(held: Snapshot) -> AsyncIterator[Running]:
    async with running(held, WAYBILL_FORWARDED_HOPS="1") as ingest:
        yield ingest


def addresses(ingest: Running) -> list[str | None]:
    return [event.ip_address for event in ingest.stored()]


async def _everything(ingest: Running) -> None:
    """Sends an address in every way in which one comes: as a value, by the connection, in lists."""
    get: Any = ingest.conductor.simulate_get
    for path, query in (("/s2sevent", EVENT), ("/s2sevent", f"{EVENT}&ip_address={ADDRESS}")):
        assert (await get(path, query_string=query)).status_code == 200
    assert (await get("/click", query_string=LINK, headers=BEHIND)).status_code == 302
    batch = await ingest.batch([LINE, LINE | {"id": "order-1"}])
    assert [one["status"] for one in batch.json["results"]] == ["accepted", "accepted"]


@in_loop
async def test_no_complete_address_reaches_the_inbox() -> None:
    async with ingest_of(truncating(linked())) as ingest:
        await _everything(ingest)

        assert addresses(ingest) == [NETWORK] * 5


@in_loop
async def test_the_address_of_an_app_that_wants_it_is_written_as_it_was_sent() -> None:
    held = structs.replace(linked(), truncating_apps=frozenset({2}))
    async with ingest_of(held) as ingest:
        await _everything(ingest)

        assert addresses(ingest) == [ADDRESS] * 5


@in_loop
async def test_sdks_leave_no_complete_address_either() -> None:
    async with ingest_of(truncating(sdk_snapshot())) as ingest:
        event = {"id": "a", "typeId": "buy", "vendorId": "v", "clientTime": "2026-01-02T03:04:05Z"}
        assert (await send_batch(ingest, event, **BEHIND)).status_code == 200
        session = f"app_token={APP_TOKEN}&environment=production&web_uuid=b&platform=web"
        assert (await send_form(ingest, "/session", session, **BEHIND)).status_code == 200

        assert addresses(ingest) == [NETWORK, NETWORK]


@in_loop
async def test_a_deep_link_is_found_by_the_place_that_was_published() -> None:
    async with ingest_of(truncating(sdk_snapshot())) as ingest:
        name = place_name(1, Environment.PRODUCTION, NETWORK, "Pixel 8")
        publish_known(ingest.redis, {name: KnownAttribution(NOW_MS, deep_link="shop://7")}, NOW_MS)
        answer = await ingest.conductor.simulate_post(
            "/deeplink",
            headers={"Authorization": f"Bearer {SDK_TOKEN}", "User-Agent": "Pixel 8", **BEHIND},
        )

    assert answer.text == "shop://7"


@in_loop
async def test_an_id_that_was_sent_before_is_the_same_event_once_the_app_truncates() -> None:
    async with ingest_of(snapshot()) as ingest:
        await ingest.batch([LINE | {"id": "order-1"}])
        publish(ingest.redis, truncating(snapshot(2)))
        again = await ingest.batch([LINE | {"id": "order-1"}])

    assert again.json["results"][0]["status"] == "duplicate"
    assert "conflict" not in again.text


@in_loop
async def test_refused_requests_are_logged_without_anybodys_line() -> None:
    async with ingest_of(snapshot()) as ingest:
        query = f"s2s_token={TOKEN}&event_id=register&ip_address={ADDRESS}&device_ip={ADDRESS}"
        assert (await ingest.get(query)).status_code == 400
        await ingest.parts.rejections.write()

        [logged] = recent_rejections(ingest.redis, 10)
        assert logged.parameters["ip_address"] == logged.parameters["device_ip"] == NETWORK


@in_loop
async def test_who_sends_bad_tokens_to_the_app_is_counted_by_network_but_slowed_down_alone() -> (
    None
):
    app = {APP_TOKEN: KnownApp(1, (), False, {"f0ob4r": KnownEventType(5, "purchase")})}
    held = structs.replace(truncating(snapshot(1, kept=grant())), apps=app)
    async with ingest_of(held) as ingest:
        query = f"s2s=1&app_token={APP_TOKEN}&event_token=f0ob4r&adid={'ab' * 16}"
        for _ in range(FREE_TRIES):
            await ingest.conductor.simulate_get(
                "/event", query_string=query, headers={"Authorization": "Bearer z", **BEHIND}
            )
        await ingest.parts.rejections.write()

        assert bad_token_addresses(ingest.redis, 10) == {NETWORK: FREE_TRIES}


@in_loop
async def test_who_sends_bad_tokens_to_nobody_is_counted_by_network_once_one_app_truncates() -> (
    None
):
    nobodys = "s2s_token=a-guess&user_id=u&event_id=register"
    async with ingest_of(structs.replace(snapshot(1), truncating_apps=frozenset({7}))) as ingest:
        for last in (142, 7):
            headers = {"X-Forwarded-For": f"81.2.69.{last}"}
            await ingest.conductor.simulate_get("/postback", query_string=nobodys, headers=headers)
        at_home = {"X-Forwarded-For": "2001:db8:1:2:3::4"}
        await ingest.conductor.simulate_get("/postback", query_string=nobodys, headers=at_home)
        await ingest.parts.rejections.write()

        assert bad_token_addresses(ingest.redis, 10) == {NETWORK: 2, "2001:db8:1::": 1}


@in_loop
async def test_where_no_app_truncates_a_guesser_is_known_by_the_address() -> None:
    async with ingest_of(snapshot(1)) as ingest:
        query = "s2s_token=a-guess&user_id=u&event_id=register"
        await ingest.conductor.simulate_get("/postback", query_string=query, headers=BEHIND)
        await ingest.parts.rejections.write()

        assert bad_token_addresses(ingest.redis, 10) == {ADDRESS: 1}
