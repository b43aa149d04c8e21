"""`waybill metrics` on real stores: what it shows, what it says of their faults."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from falcon.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from console.commands.demo import free_address
from console.metrics.app import create_app
from console.metrics.pipeline import Pipeline, create_pipeline
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.events import Event
from shared.http.host_names import name_check
from shared.inbox import append
from shared.metrics import METRICS, MetricKind, Source
from shared.published_counts import PublishedCounts
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.rq_queue import enqueue
from shared.tally import Tally
from tests.integration.console.test_commands import WAYBILL
from tests.integration.deploy.polling import until
from tests.integration.workers.conftest import Bench
from tests.support.build import batch
from tests.support.redis_names import NAMES
from workers.drain.drain_metrics import DrainMetrics


class Exporter:
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.client = TestClient(create_app(pipeline, name_check("falconframework.org")))

    def observe(self) -> None:
        for observer in self.pipeline.observers:
            observer.observe()

    def samples(self) -> dict[str, float]:
        """By name and labels, as `name{value,value}`."""
        answer = self.client.simulate_get("/metrics")
        assert answer.status_code == 200
        return {
            f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def health(self, which: str) -> tuple[int, Any]:
        answer = self.client.simulate_get(f"/health/{which}")
        return answer.status_code, answer.json


@pytest.fixture
def exporter(
    connection: Connection,  # noqa: ARG001 - empty tables
    redis: Redis,
    database_url: str,
) -> Iterator[Exporter]:
    opened: list[Connection] = []

    def open_connection() -> Connection:
        opened.append(connect(database_url, "metrics"))
        return opened[-1]

    yield Exporter(create_pipeline(redis, open_connection, now_ms))
    for client in opened:
        client.close()


def test_everything_that_is_read_is_shown_and_declared(exporter: Exporter) -> None:
    exporter.observe()

    shown = {name.partition("{")[0] for name in exporter.samples()}
    declared = [metric for metric in METRICS.values() if metric.source is Source.PIPELINE]
    names = {metric.name for metric in declared}
    for histogram in (metric for metric in declared if metric.kind is MetricKind.HISTOGRAM):
        names |= {f"{histogram.name}_{part}" for part in ("bucket", "sum", "count")}
    assert shown <= names
    assert {"waybill_workers", "waybill_jobs", "waybill_quarantine_events"} <= shown


def test_what_waits_and_what_a_drain_did_with_it_is_counted(
    exporter: Exporter, redis: Redis, bench: Bench, event: Event
) -> None:
    append(redis, batch(event), 1)
    exporter.observe()
    waiting = exporter.samples()

    tally = Tally()
    bench.drain(counts=DrainMetrics(tally))
    PublishedCounts(redis, tally).publish()
    exporter.observe()
    drained = exporter.samples()

    assert (waiting["waybill_backlog_events{}"], drained["waybill_backlog_events{}"]) == (1, 0)
    assert drained["waybill_accepted_total{}"] == 1
    assert drained["waybill_events_total{recorded}"] == 1
    assert drained["waybill_attributions_total{organic}"] == 1
    for name in ("queue_wait", "event_delay", "drain", "record", "derive"):
        assert drained[f"waybill_{name}_seconds_count{{}}"] == 1


def test_users_who_are_set_aside_are_counted(exporter: Exporter, connection: Connection) -> None:
    exporter.observe()
    before = exporter.samples()["waybill_set_aside_users{}"]
    connection.execute(
        "INSERT INTO set_aside_users (user_ref, fault) VALUES (7, 'Bug'), (8, 'Bug')"
    )
    exporter.observe()

    assert (before, exporter.samples()["waybill_set_aside_users{}"]) == (0, 2)


def test_jobs_are_counted_and_left_as_they_are(exporter: Exporter, redis: Redis) -> None:
    enqueue(redis, "drain")
    keys = sorted(redis.keys("*"))
    exporter.observe()

    assert exporter.samples()["waybill_jobs{queued}"] == 1
    assert sorted(redis.keys("*")) == keys


def test_a_name_that_somebody_connects_by_is_no_label(
    exporter: Exporter, database_url: str
) -> None:
    with connect(database_url, "alice@example.com"):
        exporter.observe()

    shown = exporter.samples()
    assert shown["waybill_database_connections{other,idle}"] >= 1
    assert not any("alice" in name for name in shown)


def worker(redis: Redis, state: str, last_heartbeat: str) -> None:
    """As RQ registers one."""
    redis.sadd("rq:workers:pipeline", "rq:worker:a")
    redis.hset("rq:worker:a", "state", state)
    redis.hset("rq:worker:a", "last_heartbeat", last_heartbeat)


def test_ready_names_what_keeps_events_from_becoming_rows(exporter: Exporter, redis: Redis) -> None:
    assert exporter.health("ready") == (
        503,
        {"status": "unready", "failing": ["redis", "postgresql"]},
    )
    exporter.observe()
    assert exporter.health("ready") == (503, {"status": "unready", "failing": ["workers"]})

    worker(redis, "idle", "2999-01-01T00:00:00.000000Z")
    exporter.observe()
    assert exporter.health("ready") == (200, {"status": "ready", "failing": []})
    assert exporter.samples()["waybill_workers{idle}"] == 1


def test_a_worker_that_fell_silent_is_none(exporter: Exporter, redis: Redis) -> None:
    worker(redis, "busy", "2020-01-01T00:00:00.000000Z")
    redis.sadd("rq:workers:pipeline", "rq:worker:gone")
    exporter.observe()

    assert exporter.samples()["waybill_workers{busy}"] == 0
    assert exporter.health("ready")[1]["failing"] == ["workers"]


def test_lag_says_what_an_autoscaler_needs(exporter: Exporter, redis: Redis, event: Event) -> None:
    append(redis, batch(event), 1)
    exporter.observe()

    status, lag = exporter.health("lag")
    assert status == 200
    assert lag["backlog_events"] == 1
    assert lag.keys() == {"backlog_events", "oldest_seconds", "drain_rate", "seconds_to_empty"}


def test_without_stores_every_answer_still_comes_and_says_so() -> None:
    def refuse() -> Connection:
        return connect("postgresql://127.0.0.1:1/none", "metrics")

    exporter = Exporter(
        create_pipeline(connect_redis("redis://127.0.0.1:1", NAMES), refuse, now_ms)
    )
    exporter.observe()

    assert exporter.samples() == {
        "waybill_store_up{redis}": 0,
        "waybill_store_up{postgresql}": 0,
    }
    assert exporter.health("lag") == (503, {"status": "unready", "failing": ["redis"]})


def test_live_tells_whether_it_looks(exporter: Exporter) -> None:
    assert exporter.health("live") == (
        503,
        {"status": "ended", "failing": ["redis", "postgresql"]},
    )
    for observer in exporter.pipeline.observers:
        observer.start()
    assert exporter.health("live") == (200, {"status": "live", "failing": []})
    for observer in exporter.pipeline.observers:
        observer.stop()
        observer.join()


def served(process: subprocess.Popen[str], url: str) -> bool:
    assert process.poll() is None
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_command_serves_until_it_is_told_to_end(variables: dict[str, str]) -> None:
    listen = str(free_address())
    process = subprocess.Popen(
        [*WAYBILL, "metrics", "--listen", listen],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        until(lambda: served(process, f"http://{listen}/health/live"))
        process.terminate()
        out, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert f"http://{listen}/metrics" in out
