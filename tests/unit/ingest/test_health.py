"""Health: live while the process answers, ready when it would take an event."""

import pytest
from falcon.testing import Result

from ingest.request_log.rejections import RejectionLog
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop, until


async def ready(ingest: Running) -> Result:
    return await ingest.conductor.simulate_get("/health/ready")


@in_loop
async def test_a_process_that_answers_is_live_whatever_else_fails() -> None:
    async with running() as ingest:
        await ingest.lose_redis()

        answer = await ingest.conductor.simulate_get("/health/live")

        assert answer.status_code == 200
        assert answer.json == {"status": "live"}


@in_loop
async def test_a_process_that_would_take_an_event_is_ready() -> None:
    async with running() as ingest:
        answer = await ready(ingest)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json == {"status": "ready", "failing": [], "shedding": False, "snapshot": 1}


@in_loop
async def test_without_redis_a_process_is_not_ready_and_says_why() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        await until(lambda: not ingest.parts.gate.reachable)

        answer = await ready(ingest)

        assert answer.status_code == 503
        assert answer.json["status"] == "unready"
        assert answer.json["failing"] == ["redis"]


@in_loop
async def test_without_a_snapshot_a_process_is_not_ready_and_says_why() -> None:
    async with running() as ingest:
        ingest.redis.delete(NAMES.snapshot, NAMES.snapshot_version)
        await until(lambda: ingest.parts.credential_store.version is None)

        answer = await ready(ingest)

        assert (answer.status_code, answer.json["failing"]) == (503, ["snapshot"])


@in_loop
async def test_under_another_key_a_process_is_not_ready_and_says_why() -> None:
    async with running(WAYBILL_SECRET_KEY="another installation key, 32 chr") as ingest:
        answer = await ready(ingest)

        assert (answer.status_code, answer.json["failing"]) == (503, ["secret_key"])


@in_loop
async def test_on_a_redis_that_is_not_durable_a_process_is_not_ready_and_says_why() -> None:
    async with running() as ingest:
        ingest.telling.configuration["appendfsync"] = "everysec"
        ingest.parts.gate.durable = False

        answer = await ready(ingest)

        assert (answer.status_code, answer.json["failing"]) == (503, ["redis_durability"])


@in_loop
async def test_a_process_whose_watch_has_stopped_looking_is_not_ready_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as ingest:
        monkeypatch.setattr(type(ingest.parts.watch), "looked_seconds_ago", 60.0)

        answer = await ready(ingest)

        assert (answer.status_code, answer.json["failing"]) == (503, ["watch"])


@in_loop
async def test_a_process_whose_work_has_ended_is_not_live_and_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def end() -> None:
        return

    monkeypatch.setattr(RejectionLog, "run", lambda _: end())
    async with running() as ingest:
        answer = await ingest.conductor.simulate_get("/health/live")

    assert answer.status_code == 503
    assert answer.json == {"status": "ended", "failing": ["rejections"]}


@in_loop
async def test_a_redis_that_answers_nonsense_is_one_that_fails_and_recovers() -> None:
    async with running() as ingest:
        ingest.redis.set(NAMES.snapshot_version, "nonsense")
        await until(lambda: not ingest.parts.gate.reachable)
        live = await ingest.conductor.simulate_get("/health/live")
        ingest.redis.set(NAMES.snapshot_version, "1")
        await until(lambda: ingest.parts.gate.reachable)

    assert live.status_code == 200


@in_loop
async def test_a_process_that_sheds_is_ready_for_it_alone_can_say_retry_after() -> None:
    async with running() as ingest:
        ingest.parts.gate.note_backlog(10**9)

        answer = await ready(ingest)

        assert (answer.status_code, answer.json["shedding"]) == (200, True)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@in_loop
async def test_health_needs_no_token_and_is_asked_with_get_alone(path: str) -> None:
    async with running() as ingest:
        assert (await ingest.conductor.simulate_get(path)).status_code == 200

        answer = await ingest.conductor.simulate_post(path)

        assert answer.status_code == 405
        assert answer.json["error"]["code"] == "method_not_allowed"
