"""History of devices, in the whole of ingest on a Redis in memory."""

from typing import Any

import pytest
from msgspec import structs

from shared.device_ids import adid_of
from shared.events import Environment
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import NOW_MS, snapshot
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

NOW_S = NOW_MS // 1000
TYPES = {"tok": KnownEventType(9, "purchase"), "once": KnownEventType(10, "first", is_unique=True)}
REPEAT = "Event request failed (Ignoring event, earlier unique event tracked)"


def of(*, adjust_refusals: bool = False) -> Snapshot:
    known = KnownApp(1, adjust_refusals=adjust_refusals, event_types=TYPES)
    return structs.replace(snapshot(), apps={"app": known})


async def ask(ingest: Running, path: str, query: str) -> Any:
    return await ingest.conductor.simulate_get(path, query_string=f"app_token=app&{query}")


async def message(ingest: Running, query: str) -> Any:
    return (await ask(ingest, "/session", query)).json["message"]


@in_loop
async def test_the_first_session_of_a_device_is_an_install_and_a_later_one_is_not() -> None:
    async with running(of()) as ingest:
        assert await message(ingest, "idfv=a1") == "Install tracked"
        assert await message(ingest, "idfv=a1") == "Session tracked"
        assert await message(ingest, "idfv=b2") == "Install tracked"
        assert await message(ingest, "idfv=a1&environment=sandbox") == "Install tracked"


@in_loop
async def test_an_open_in_swaarms_dialect_makes_a_device_known_too() -> None:
    async with running(of()) as ingest:
        await ingest.get("s2s_token=s2sTokenForTheStoreApp&user_id=a1&event_id=__open")

        assert await message(ingest, "idfv=a1") == "Session tracked"


@in_loop
async def test_a_repeat_of_a_unique_event_is_answered_as_published_and_recorded() -> None:
    async with running(of()) as ingest:
        statuses = [
            (await ask(ingest, "/event", f"event_token=once&idfv={user}")).status_code
            for user in ("a1", "a1", "b2")
        ]
        repeat = await ask(ingest, "/event", "event_token=once&idfv=a1")

        assert statuses == [200, 400, 200]
        assert repeat.json == {"error": REPEAT}
        assert "waybill-receipt" in repeat.headers
        assert len(ingest.stored()) == 4


@in_loop
async def test_an_adid_leads_back_to_the_user_that_its_session_had() -> None:
    async with running(of()) as ingest:
        adid = (await ask(ingest, "/session", "idfv=a1")).json["adid"]
        await ask(ingest, "/event", f"event_token=tok&adid={adid.upper()}")
        await ask(ingest, "/event", f"event_token=tok&adid={'f0' * 16}")
        again = await ask(ingest, "/session", f"adid={adid}")

        assert [event.user_id for event in ingest.stored()] == ["a1", "a1", "f0" * 16, "a1"]
        assert again.json["adid"] == adid == adid_of(1, "a1")
        assert again.json["message"] == "Session tracked"


@in_loop
async def test_by_default_nothing_is_refused_for_what_came_before() -> None:
    async with running(of()) as ingest:
        ingest.redis.set(NAMES.markers_complete, 1)
        for created_at in (NOW_S, NOW_S - 100):
            query = f"event_token=tok&idfv=a1&created_at_unix={created_at}"
            assert (await ask(ingest, "/event", query)).status_code == 200


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/event", "event_token=tok&idfv=a1"),
        ("/ad_revenue", "idfv=a1&revenue=1&currency=EUR&ad_impressions_count=1"),
    ],
)
@in_loop
async def test_an_app_may_want_a_session_before_anything_else(path: str, query: str) -> None:
    async with running(of(adjust_refusals=True)) as ingest:
        ingest.redis.set(NAMES.markers_complete, 1)
        refused = await ask(ingest, path, query)
        assert refused.status_code == 404
        assert "(Device not found)" in refused.json["error"]
        assert ingest.stored() == []

        await ask(ingest, "/session", "idfv=a1")
        assert (await ask(ingest, path, query)).status_code == 200


@in_loop
async def test_an_app_may_want_its_events_in_order_and_after_the_install() -> None:
    async with running(of(adjust_refusals=True)) as ingest:
        await ask(ingest, "/session", f"idfv=a1&created_at_unix={NOW_S - 1000}")

        async def at(seconds: int, token: str = "tok") -> str:
            query = f"event_token={token}&idfv=a1&created_at_unix={NOW_S + seconds}"
            answer = await ask(ingest, "/event", query)
            return str(answer.json.get("status") or answer.json["error"])

        assert await at(-1001) == (
            "Event request failed (Bad event state: It happened before the first session of its "
            "device. Compare created_at.)"
        )
        assert await at(-500) == "OK"
        assert "Bad event state: A later event of this kind" in await at(-501)
        assert await at(-500) == "OK"
        assert await at(-900, "once") == "OK"
        assert [event.environment for event in ingest.stored()] == [Environment.PRODUCTION] * 4


@in_loop
async def test_what_redis_does_not_know_for_certain_refuses_nobody() -> None:
    async with running(of(adjust_refusals=True)) as ingest:
        assert (await ask(ingest, "/event", "event_token=tok&idfv=a1")).status_code == 200


@in_loop
async def test_without_redis_an_event_that_asks_is_to_be_sent_again() -> None:
    async with running(of(adjust_refusals=True)) as ingest:
        await ingest.lose_redis()

        refused = await ask(ingest, "/event", "event_token=tok&idfv=a1")
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        assert refused.json["error"].startswith("Event request failed (The event could not be")
        ingest.find_redis()
