"""Tests `waybill up` and `waybill demo` as processes, with the embedded stores."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from console.apps.apps import create_app
from console.commands.demo import free_address
from console.connections import CommandContext, load_settings, open_resources
from console.lookup.trace import TraceState, trace
from console.main import run_command
from console.pipeline.quarantine import replay
from tests.integration.console.conftest import event_of
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.test_commands import WAYBILL
from tests.integration.deploy.polling import command_line, until
from tests.support.build import ADMIN
from tests.system.product import first_document

SECONDS_MAX = 60


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def up(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts `waybill up`, and ends it with the test."""
    options = ("--listen", "--console", "--metrics")
    addresses = [text for option in options for text in (option, str(free_address()))]
    process = subprocess.Popen(
        [*WAYBILL, "up", "--data", str(data), *addresses, "--workers", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.terminate()


def announcement(process: subprocess.Popen[str]) -> dict[str, object]:
    """Returns the document that `up --json` prints."""
    found: dict[str, object] = first_document(process)
    assert "pids" in found, found
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_until_a_signal_and_leaves_nothing_running(
    up: subprocess.Popen[str], data: Path, number: signal.Signals
) -> None:
    pids = announcement(up)["pids"]
    assert isinstance(pids, dict)
    assert set(pids) == {"postgres", "valkey", "ingest", "worker-1", "console", "metrics"}
    assert run_command(["--data", str(data), "app", "create", "--name", "Shop"], {}) == 0

    up.send_signal(number)
    out, errors = up.communicate(timeout=SECONDS_MAX)

    assert (up.returncode, out, errors) == (0, "", "Stopped.\n")
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert run_command(["--data", str(data), "app", "list"], {}) == 1


def test_signals_make_the_workers_more_and_fewer(up: subprocess.Popen[str], data: Path) -> None:
    announcement(up)

    def workers() -> int:
        children = psutil.Process(up.pid).children()
        return sum(b"rq.cli" in command_line(child.pid) for child in children)

    for number, count in ((signal.SIGTTIN, 2), (signal.SIGTTOU, 1), (signal.SIGTTOU, 1)):
        up.send_signal(number)
        until(lambda: workers() == count)  # noqa: B023 - asked before the next round
    assert (data / "logs" / "worker-2.log").exists()


def test_a_second_up_says_that_one_is_running(up: subprocess.Popen[str], data: Path) -> None:
    url = announcement(up)["url"]

    second = subprocess.run(
        [*WAYBILL, "up", "--data", str(data), "--listen", str(free_address())],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )

    assert second.returncode == 1
    assert "already running" in second.stderr
    assert str(url) in second.stderr


def test_a_replayed_event_is_recorded_by_the_running_workers(
    up: subprocess.Popen[str], data: Path
) -> None:
    announcement(up)
    with open_resources(load_settings(CommandContext(data, {}))) as resources:
        app = create_app(resources, ADMIN, "Shop")
        event = event_of(app)
        put_aside(resources.connection, event)

        replay(resources, ADMIN, [event.receipt])

        deadline = time.monotonic() + SECONDS_MAX
        while (result := trace(resources.connection, resources.redis, event.receipt)).event is None:
            assert time.monotonic() < deadline, result
            time.sleep(0.05)
        assert result.state is TraceState.RECORDED


def test_the_demo_shows_the_documented_calls_as_rows() -> None:
    done = subprocess.run(
        [*WAYBILL, "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
        env={**os.environ, "DATABASE_URL": "postgresql://real", "REDIS_URL": "redis://real"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    rows = [
        (event["event_id"], event["sale_amount"], event["unmapped"])
        for event in (call["trace"]["event"] for call in document["calls"] if call["trace"])
    ]
    assert document["as_documented"] is True
    events = [("register", None), ("purchase", "42"), ("register", None), ("", None)]
    events += [("__install", None), ("registration", None), ("__open", None), ("", None)]
    assert rows == [(*event, False) for event in [*events, ("__install", None)]]
    statuses = [call["status"] for call in document["calls"]]
    assert statuses == [200, 200, 200, 302, 200, 200, 200, 200, 200, 400, 401, 404]
