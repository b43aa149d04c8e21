"""Tests `waybill up` and `waybill demo` as a new user meets them."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from tests.system.product import WAYBILL, Waybill
from tests.system.servers import until

GONE_SECONDS_MAX = 20
RESTART_SECONDS_MAX = 10  # the launcher's longest delay, and a start on a busy machine


def test_the_demo_ends_with_the_documented_calls_and_a_partners_callback(tmp_path: Path) -> None:
    done = subprocess.run(
        [WAYBILL, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "160"},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "sale_amout=42" in done.stdout
    assert "recorded" in done.stdout
    assert done.stdout.count("200") >= 3
    assert "400" in done.stdout
    assert "callback to Partner" in done.stdout
    assert "/postback?click=their-click-77&event=purchase&status=approved" in done.stdout


@pytest.fixture
def waybill(tmp_path: Path) -> Waybill:
    return Waybill(tmp_path / "data", patient=False)


def test_a_second_up_says_that_one_is_running_and_a_stop_leaves_nothing(waybill: Waybill) -> None:
    waybill.wait_until_ready()
    family = psutil.Process(waybill.process.pid).children(recursive=True)

    second = subprocess.run(
        [WAYBILL, "--data", str(waybill.data), "up", "--listen", "127.0.0.1:1"],
        capture_output=True, text=True, timeout=30, env=waybill.environment,
    )  # fmt: skip
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert str(waybill.process.pid) in second.stderr

    assert waybill.stop() == 0
    assert not [process for process in family if process.is_running()]


def test_after_kill_9_no_process_is_left_and_the_next_up_has_every_event(waybill: Waybill) -> None:
    waybill.wait_until_ready()
    waybill.json("app", "create", "--name", "Kept")
    family = psutil.Process(waybill.process.pid).children(recursive=True)
    assert len(family) >= 5

    waybill.process.send_signal(signal.SIGKILL)
    waybill.process.wait()
    until(
        lambda: not [process for process in family if process.is_running()],
        GONE_SECONDS_MAX,
        "every process ending",
    )

    with Waybill(waybill.data, patient=False) as after:
        apps = after.json("app", "list")["apps"]
        assert [app["name"] for app in apps] == ["Kept"]


def test_ingest_is_not_told_where_postgresql_is(waybill: Waybill) -> None:
    waybill.wait_until_ready()
    ingest = waybill.children("ingest.app:get_app")
    workers = waybill.children("rq.cli")

    assert ingest
    assert all("DATABASE_URL" not in process.environ() for process in ingest)
    assert all("REDIS_URL" in process.environ() for process in ingest)
    assert all("DATABASE_URL" in process.environ() for process in workers)
    waybill.stop()


def killed(waybill: Waybill, word: str) -> int:
    """Kills one of the children, and returns its process ID once the launcher has buried it."""
    found: list[psutil.Process] = []

    def is_killed() -> bool:
        # One that lost its stores ends by itself at any moment, and is started again.
        with suppress(psutil.NoSuchProcess):
            for child in waybill.children(word)[:1]:
                child.kill()
                found.append(child)
        return bool(found)

    until(is_killed, GONE_SECONDS_MAX, f"the start of {word}")
    [child] = found
    until(lambda: not child.is_running(), GONE_SECONDS_MAX, f"the end of {word}")
    return int(child.pid)


def test_a_launcher_whose_output_nobody_reads_goes_on(waybill: Waybill) -> None:
    waybill.wait_until_ready()
    waybill.stop()
    arguments = ["--data", str(waybill.data), "up", "--listen", f"127.0.0.1:{waybill.port}"]
    again = subprocess.Popen(
        [WAYBILL, *arguments, "--console", "none", "--metrics", "none"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=waybill.environment,
    )  # fmt: skip
    assert again.stdout is not None
    while b"curl" not in (line := again.stdout.readline()):
        assert line, "it ended before it was ready"
    again.stdout.close()
    waybill.process = again
    try:
        for word in ("rq.cli", "valkey-server"):
            pid = killed(waybill, word)
            until(
                lambda: any(child.pid != pid for child in waybill.children(word)),  # noqa: B023
                RESTART_SECONDS_MAX,
                f"another {word}",
            )
        until(lambda: ready(waybill), RESTART_SECONDS_MAX, "events being accepted")
    finally:
        assert waybill.stop() == 0


def test_a_launcher_that_cannot_write_a_byte_restarts_everything_once_it_can(
    waybill: Waybill,
) -> None:
    waybill.wait_until_ready()
    launcher = psutil.Process(waybill.process.pid)
    try:
        # No file may grow, for the launcher and for what it starts: what a full disk does.
        launcher.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
        for word in ("valkey-server", "postgres -D", "rq.cli", "ingest.app"):
            killed(waybill, word)
        time.sleep(4)  # several starts, none of which may succeed
        assert waybill.process.poll() is None

        launcher.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        for child in launcher.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        until(lambda: ready(waybill), GONE_SECONDS_MAX, "events being accepted")
    finally:
        assert waybill.stop() == 0


def ready(waybill: Waybill) -> bool:
    try:
        with urlopen(f"{waybill.url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_commands_say_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [WAYBILL, "--data", str(tmp_path / "none"), "app", "list"],
        capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.returncode == 1
    assert "waybill up" in done.stderr
