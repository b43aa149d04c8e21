"""Tests `waybill up` and `waybill demo` as a new user meets them."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.system.product import WAYBILL, Waybill
from tests.system.servers import until

GONE_SECONDS_MAX = 20


def test_the_demo_ends_with_a_table_of_the_documented_calls(tmp_path: Path) -> None:
    done = subprocess.run(
        [WAYBILL, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "160"},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "sale_amout=42" in done.stdout
    assert "recorded" in done.stdout
    assert done.stdout.count("200") >= 3
    assert "400" in done.stdout


@pytest.fixture
def waybill(tmp_path: Path) -> Waybill:
    return Waybill(tmp_path / "data")


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

    after = Waybill(waybill.data)
    try:
        after.wait_until_ready()
        apps = after.json("app", "list")["apps"]
        assert [app["name"] for app in apps] == ["Kept"]
    finally:
        after.stop()


def test_commands_say_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [WAYBILL, "--data", str(tmp_path / "none"), "app", "list"],
        capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.returncode == 1
    assert "waybill up" in done.stderr
