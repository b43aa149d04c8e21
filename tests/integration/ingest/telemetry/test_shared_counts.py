"""`/metrics` of a gunicorn: the same counts whichever of its processes answers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.deploy.polling import until
from tests.system.servers import accepts, free_port
from tests.system.traffic import get, send

PROCESSES = 2
REQUESTS = 60


class Ingest:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def workers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def ask(self, target: str) -> list[bytes]:
        """Sends over many connections, so that every process gets some."""
        log = send(self.port, [get(target)] * REQUESTS, connections=REQUESTS)
        return [answer.body for answer in log.answers]

    def scrape(self) -> dict[str, float]:
        (answer,) = send(self.port, [get("/metrics")], connections=1).answers
        samples = [
            sample
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
        ]
        totals: dict[str, float] = {}
        for sample in samples:
            totals[sample.name] = totals.get(sample.name, 0) + sample.value
        return totals


@pytest.fixture
def ingest(tmp_path: Path, redis: Redis, redis_url: str) -> Iterator[Ingest]:  # noqa: ARG001
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:ingest.server"]
    command += ["--bind", f"127.0.0.1:{port}", "ingest.app:get_app()"]
    variables = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://nobody",
        "REDIS_URL": redis_url,
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
        "WEB_CONCURRENCY": str(PROCESSES),
    }
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output)
    try:
        until(lambda: accepts(port))
        found = Ingest(process, port)
        until(lambda: found.scrape()["waybill_ingest_processes"] == PROCESSES)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def test_requests_of_all_processes_are_counted_and_stay_counted_when_one_is_killed(
    ingest: Ingest,
) -> None:
    ingest.ask("/postback?user_id=a&event_id=b&s2s_token=none")
    until(lambda: ingest.scrape().get("waybill_requests_total") == REQUESTS)

    before = ingest.workers()
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(ingest.workers()) - set(before)) == 1)
    until(lambda: ingest.scrape()["waybill_ingest_processes"] == PROCESSES)

    assert ingest.scrape()["waybill_requests_total"] == REQUESTS
