"""The application as a whole: what it does not serve, how it starts and stops."""

import asyncio
from typing import Any

import pytest

from ingest.app import BackgroundTasks, assemble
from shared.redis import RedisError
from shared.rejections import rejection_counts
from shared.rq_queue import waiting_jobs
from shared.tally import Tally
from tests.support.build import now, settings
from tests.support.fake_redis import FakeServer, FakeStrictRedis
from tests.unit.ingest.harness import POSTBACK, TellingRedis, running
from tests.unit.loop import in_loop, until


@pytest.mark.parametrize(
    "path", ["/", "/postback/", "/Postback", "/postback2", "/s2s", "/%00", "/é"]
)
@in_loop
async def test_a_path_that_is_not_served_is_a_404_in_json(path: str) -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_get(path, query_string=POSTBACK)

        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/json"
        assert answer.json["error"]["code"] == "unknown_endpoint"
        assert "/postback" in answer.json["error"]["message"]
        assert ingest.stored() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
@in_loop
async def test_a_method_that_is_not_served_is_a_405_that_says_which_are(method: str) -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_request(method, "/postback", query_string=POSTBACK)

        assert answer.status_code == 405
        assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
        assert ingest.stored() == []
        if method != "HEAD":
            assert answer.headers["content-type"] == "application/json"
            assert answer.json["error"]["code"] == "method_not_allowed"


@in_loop
async def test_options_says_what_is_served_and_stores_nothing() -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_options("/postback", query_string=POSTBACK)

        assert answer.status_code == 200
        assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
        assert ingest.stored() == []


@in_loop
async def test_an_event_enqueues_a_drain() -> None:
    async with running() as ingest:
        for _ in range(3):
            await ingest.get()
        await ingest.parts.writer.close()

        assert waiting_jobs(ingest.redis) == 1


@in_loop
async def test_what_was_refused_is_in_the_log_when_the_process_has_stopped() -> None:
    async with running() as ingest:
        await ingest.get("")

    assert rejection_counts(ingest.redis) == {"unauthorized": 1}


@in_loop
async def test_a_process_that_stops_answers_everybody_first() -> None:
    async with running() as ingest:
        answers = [asyncio.create_task(ingest.get()) for _ in range(20)]
        await asyncio.sleep(0)

    assert [(await answer).status_code for answer in answers] == [200] * 20
    assert len(ingest.stored()) == 20


@in_loop
async def test_a_process_stops_though_redis_is_away() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        await ingest.get()


class StubbornRedis(TellingRedis):
    """Answers one cancellation with an error, as redis-py may where asyncio.wait_for loses it."""

    is_asked = False

    async def info(self, section: str | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        if self.is_asked or section != "memory":
            return await super().info(section)
        self.is_asked = True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RedisError from None
        return {}


@in_loop
async def test_a_process_stops_though_its_client_of_redis_loses_a_cancellation() -> None:
    server = FakeServer()
    redis = StubbornRedis(server)
    background = BackgroundTasks(
        assemble(settings(), redis, FakeStrictRedis(server=server), now, Tally())
    )
    await background.process_startup(None, None)
    await until(lambda: redis.is_asked)

    async with asyncio.timeout(2):
        await background.process_shutdown(None, None)
