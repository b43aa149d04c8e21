"""Ingest's metrics for Prometheus: every answer is counted once, and nothing sent is shown."""

import asyncio
from collections import defaultdict
from itertools import product

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.app import ROUTES
from ingest.http import refusals
from shared import errors
from shared.errors import WaybillError
from shared.metrics import METRICS, NO_REASON, Source
from tests.support.build import TOKEN
from tests.unit.ingest.harness import POSTBACK, Running, running
from tests.unit.loop import in_loop, until

LABELS = ("endpoint", "dialect", "status", "reason", "part")
Samples = dict[str, dict[tuple[str, ...], float]]

_SECRET = "alice@example.com"


async def scraped(ingest: Running) -> Samples:
    """Returns the values by their labels, by name."""
    answer = await ingest.conductor.simulate_get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples: Samples = defaultdict(dict)
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in LABELS if name in sample.labels)
            samples[sample.name][labels] = sample.value
    return samples


@in_loop
async def test_an_accepted_event_is_one_request_and_one_flush() -> None:
    async with running() as ingest:
        await ingest.get(POSTBACK)

        found = await scraped(ingest)

    assert found["waybill_requests_total"] == {("/postback", "swaarm", "200", "none"): 1}
    assert found["waybill_request_seconds_count"][("/postback",)] == 1
    assert found["waybill_flush_events_sum"][()] == 1
    assert found["waybill_flush_seconds_count"][()] == 1
    assert found["waybill_ingest_processes"][()] == 1
    assert found["waybill_snapshot_version"][()] == 1
    assert set(found["waybill_ready"].values()) == {1}


@in_loop
async def test_a_refusal_is_counted_by_its_reason_and_not_timed() -> None:
    async with running() as ingest:
        await ingest.get("s2s_token=wrong&user_id=a&event_id=b")
        await ingest.get(f"s2s_token={TOKEN}")

        found = await scraped(ingest)

    assert found["waybill_requests_total"] == {
        ("/postback", "swaarm", "401", "unauthorized"): 1,
        ("/postback", "swaarm", "400", "missing_field"): 1,
    }
    assert found["waybill_request_seconds_count"][("/postback",)] == 0


@in_loop
async def test_what_redis_does_not_take_is_counted() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        await ingest.get(POSTBACK)
        await until(lambda: not ingest.parts.gate.reachable)
        await ingest.get(POSTBACK)

        found = await scraped(ingest)

    assert found["waybill_flushes_failed_total"][()] == 1
    reason = ("/postback", "swaarm", "503", "inbox_unreachable")
    assert found["waybill_requests_total"][reason] == 2
    assert found["waybill_ready"][("redis",)] == 0


@in_loop
async def test_a_fault_of_ours_is_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as ingest:
        monkeypatch.setattr(ingest.parts.batcher, "queue", None)
        await ingest.get(POSTBACK)

        found = await scraped(ingest)

    assert found["waybill_requests_total"] == {("/postback", "swaarm", "500", "error"): 1}


def codes() -> set[str]:
    named = [*vars(errors).values(), *vars(refusals).values()]
    kinds = [one for one in named if isinstance(one, type) and issubclass(one, WaybillError)]
    return {kind.code for kind in kinds}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", _SECRET.upper()[:5]])
@in_loop
async def test_nothing_that_was_sent_becomes_a_label(method: str) -> None:
    """Covers anything that a stranger or a sender sends, in any place."""
    secret = _SECRET
    async with running() as ingest:
        conductor = ingest.conductor
        paths = [*(path for path, _ in ROUTES), f"/{secret}", "/metrics/", "/%00", "//"]
        queries = (f"{secret}={secret}", f"s2s_token={TOKEN}&user_id={secret}", "=&=%ff")
        # At once, because whoever guesses tokens has to wait for each answer.
        await asyncio.gather(
            *(
                conductor.simulate_request(
                    method, path, query_string=query, headers={"Authorization": secret}
                )
                for path, query in product(paths, queries)
            )
        )
        found = await scraped(ingest)
        text = (await conductor.simulate_get("/metrics")).text

    assert secret not in text
    endpoints = {path for path, _ in ROUTES} | {NO_REASON}
    dialects = {dialect.name for _, dialect in ROUTES} | {NO_REASON}
    for endpoint, dialect, status, reason in found["waybill_requests_total"]:
        assert endpoint in endpoints
        assert dialect in dialects
        assert status.isdecimal()
        assert reason in codes() | {NO_REASON}


@in_loop
async def test_only_what_is_declared_is_shown() -> None:
    async with running() as ingest:
        await ingest.get(POSTBACK)
        answer = await ingest.conductor.simulate_get("/metrics")

    declared = {each.name for each in METRICS.values() if each.source is Source.INGEST}
    shown = {line.split()[2] for line in answer.text.splitlines() if line.startswith("# HELP ")}
    assert shown == declared
