"""Tests that every panel of the dashboard has data under load, while workers come and go, and that
logs lead on.

Queries a real Prometheus, of Debian's package `prometheus`, where it is installed; that both
addresses show every metric is tested everywhere.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.monitoring import PROMETHEUS, Query, alert_queries, metric_names, panel_queries
from tests.system.conftest import Running, make_token
from tests.system.product import Waybill
from tests.system.servers import accepts, free_port, until
from tests.system.test_faults import postback
from tests.system.traffic import get, requests_until, send

LOAD_SECONDS = 12
SCALE_SECONDS_MAX = 40
SEEN_SECONDS = 3  # workers publish, Prometheus scrapes, each once a second
RANGE = "30s"
PROGRAM = shutil.which("prometheus")
PORT = free_port()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    variables = {"WAYBILL_LOG_FORMAT": "json", "WAYBILL_LOG_LEVEL": "debug"}
    data = tmp_path_factory.mktemp("monitored") / "data"
    with Waybill(data, variables, workers=1, metrics=True, patient=False) as waybill:
        running = Running(waybill, make_token(waybill))
        with prometheus(tmp_path_factory.mktemp("prometheus"), running):
            put_under_load(running)
            yield running


@contextmanager
def prometheus(folder: Path, running: Running) -> Iterator[None]:
    """Starts Prometheus; skips the tests where it is not installed."""
    if PROGRAM is None:
        yield
        return
    text = (PROMETHEUS / "prometheus.yml").read_text()
    text = re.sub("15s", "1s", text).replace("rules.yml", str(PROMETHEUS / "rules.yml"))
    text = text.replace("ingest:8080", f"127.0.0.1:{running.port}")
    text = text.replace("metrics:8082", f"127.0.0.1:{running.waybill.metrics_port}")
    (folder / "prometheus.yml").write_text(text)
    command = [
        PROGRAM,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
    ]
    command += [f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=warn"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: accepts(PORT), 30, "Prometheus answering")
        yield
    finally:
        process.terminate()
        process.wait(30)


def put_under_load(running: Running) -> None:
    """Sends requests of all kinds, good and bad, while the workers become four and one again."""
    ends_at = time.monotonic() + LOAD_SECONDS

    def scale() -> None:
        for number, workers in ((signal.SIGTTIN, 4), (signal.SIGTTOU, 1)):
            for _ in range(3):
                time.sleep(0.5)
                running.waybill.process.send_signal(number)
            until(partial(shows_workers, running, workers), SCALE_SECONDS_MAX, "the workers")
            time.sleep(SEEN_SECONDS)

    scaler = threading.Thread(target=scale)
    scaler.start()
    requests = requests_until(
        lambda n: request(running, n),
        lambda: time.monotonic() > ends_at and not scaler.is_alive(),
    )
    send(running.port, requests, connections=4)
    scaler.join()
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(b"no http\r\n\r\n")
    running.waybill.wait_until_drained()
    time.sleep(SEEN_SECONDS)


def shows_workers(running: Running, count: int) -> bool:
    (answer,) = send(running.waybill.metrics_port, [get("/metrics")], connections=1).answers
    samples = re.findall(r"^waybill_workers\S* (\S+)$", answer.body.decode(), re.MULTILINE)
    return sum(map(float, samples)) == count


def request(running: Running, number: int) -> bytes:
    token = running.token
    match number % 8:
        case 0:
            return get("/postback?user_id=a&event_id=b", "Authorization: none\r\n")
        case 1:
            return get(f"/click?offer_id=1&pub_id=1&click_id=click-{number}&idfa=id-{number}")
        case 2:
            query = f"user_id=user-{number}&event_id=__open&idfa=id-{number - 1}"
            return get(f"/postback?{query}", f"Authorization: {token}\r\n")
        case 3:
            body = json.dumps([{"type": "open", "time": int(time.time()), "user_id": f"u{number}"}])
            head = f"POST /batch HTTP/1.1\r\nHost: w\r\nAuthorization: Bearer {token}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            return (head + body).encode()
        case _:
            return postback(token, number)


def exported_names(running: Running) -> set[str]:
    """Returns the names of all metrics that the two addresses show."""
    names: set[str] = set()
    for port in (running.port, running.waybill.metrics_port):
        (answer,) = send(port, [get("/metrics")], connections=1).answers
        assert answer.status == 200
        names |= set(re.findall(r"^(waybill_\w+)", answer.body.decode(), re.MULTILINE))
    return names


def query_values(expression: str) -> list[float]:
    target = f"/api/v1/query?query={quote(expression)}"
    (answer,) = send(PORT, [get(target)], connections=1).answers
    assert answer.status == 200, answer.body
    return [float(series["value"][1]) for series in json.loads(answer.body)["data"]["result"]]


def test_every_metric_of_the_dashboard_and_the_alerts_has_numbers(loaded: Running) -> None:
    names = {
        name
        for query in (*panel_queries(), *alert_queries())
        for name in metric_names(query.expression)
    }

    assert names <= exported_names(loaded)


@pytest.mark.parametrize("query", panel_queries() if PROGRAM else (), ids=lambda query: query.of)
def test_every_panel_has_data(loaded: Running, query: Query) -> None:  # noqa: ARG001
    values = query_values(query.expression.replace("$__rate_interval", RANGE))

    assert values
    assert any(value == value for value in values), "nothing but NaN"  # noqa: PLR0124


@pytest.mark.parametrize("query", alert_queries() if PROGRAM else (), ids=lambda query: query.of)
def test_every_alert_can_be_evaluated(loaded: Running, query: Query) -> None:  # noqa: ARG001
    query_values(query.expression)


SCALED = "max_over_time(sum(waybill_workers)[60s:1s])" if PROGRAM else ""


@pytest.mark.parametrize("query", [SCALED] if PROGRAM else [])
def test_workers_were_seen_to_be_scaled_and_nothing_was_ever_out_of_sight(
    loaded: Running,  # noqa: ARG001
    query: str,
) -> None:
    assert query_values(query) == [4]
    assert query_values("sum(waybill_workers)") == [1]
    assert query_values("min_over_time(up[15s])") == [1, 1]


def lines(running: Running, program: str) -> list[dict[str, Any]]:
    logs = sorted((running.waybill.data / "logs").glob(f"{program}*.log"))
    texts = [line for log in logs for line in log.read_text().splitlines()]
    return [json.loads(line) for line in texts]


def test_every_line_of_a_log_is_one_object(loaded: Running) -> None:
    for program in ("ingest", "worker", "metrics"):
        logged = lines(loaded, program)
        assert logged
        assert {line["program"] for line in logged} == {program}


def test_a_receipt_leads_by_the_logs_to_the_transaction_that_stored_it(loaded: Running) -> None:
    (answer,) = send(loaded.port, [postback(loaded.token, 1)], connections=1).answers
    receipt = answer.headers["waybill-receipt"]
    loaded.waybill.wait_until_drained()

    (flushed,) = [line for line in lines(loaded, "ingest") if receipt in line.get("receipts", ())]
    (stored,) = [
        line
        for line in lines(loaded, "worker")
        if line["message"] == "stored" and flushed["entry"] in line["entries"]
    ]
    assert stored["events"] >= 1


def test_no_token_and_no_user_is_in_a_log(loaded: Running) -> None:
    logs = loaded.waybill.logs()

    assert loaded.token not in logs
    assert "user-3" not in logs
