"""Tests one child: its start, its end, and that it never outlives its launcher."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy import processes
from deploy.lock import is_held, wait_until_free
from tests.integration.deploy.children import DEAF, FORKS, SLEEPS, command, python
from tests.integration.deploy.polling import lines, runs, until

LAUNCHER = """
import sys, time
from pathlib import Path
from deploy import processes
from tests.integration.deploy.children import command, python
children = [
    processes.start(command(Path(sys.argv[1]), python(script), name=f"child-{number}"))
    for number, script in enumerate(sys.argv[2:])
]
print(*(child.pid for child in children), flush=True)
time.sleep(600)
"""


def test_a_child_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    child = processes.start(command(tmp_path, python(SLEEPS)))
    assert child.status() is None
    child.stop()
    assert child.status() == -signal.SIGTERM


def test_a_deaf_child_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    child = processes.start(command(tmp_path, python(DEAF), stop_seconds_max=0.2))
    until(lambda: lines(tmp_path / "child.log"))
    child.stop()
    assert child.status() == -signal.SIGKILL


def test_what_a_child_prints_is_in_its_log_and_nobody_elses(tmp_path: Path) -> None:
    processes.run(command(tmp_path, python("import sys; print(1); sys.stderr.write('2')")), 30)
    assert (tmp_path / "child.log").read_text() == "1\n2"
    assert (tmp_path / "child.log").stat().st_mode & 0o777 == 0o600


def test_a_program_reads_what_it_is_given(tmp_path: Path) -> None:
    processes.run(command(tmp_path, python("print(input())")), 30, b"hello\n")
    assert lines(tmp_path / "child.log") == ["hello"]


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(processes.NotStarted, match="child did not start: no room"):
        processes.run(command(tmp_path, python("raise SystemExit('no room')")), 30)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(processes.NotStarted):
        processes.run(command(tmp_path, python(SLEEPS)), 0.2)
    assert not is_held(tmp_path / "child.lock")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(processes.NotStarted, match=r"child did not start: .*/no/such/program"):
        processes.start(command(tmp_path, ("/no/such/program",)))
    assert not is_held(tmp_path / "child.lock")


def test_a_child_that_ends_before_it_is_ready_is_reported_at_once(tmp_path: Path) -> None:
    child = processes.start(command(tmp_path, python("raise SystemExit('bad setting')")))
    with pytest.raises(processes.NotStarted, match="bad setting"):
        processes.wait_until(child, lambda: False, 30)
    child.stop()


def test_a_child_that_is_never_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    child = processes.start(command(tmp_path, python(SLEEPS)))
    with pytest.raises(processes.NotStarted, match="was not ready after 0 s"):
        processes.wait_until(child, lambda: False, 0.1)
    child.stop()


def test_nothing_is_started_beside_what_is_left_of_an_earlier_one(tmp_path: Path) -> None:
    first = processes.start(command(tmp_path, python(FORKS)))
    until(lambda: len(lines(tmp_path / "child.log")) == 2)
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    with pytest.raises(processes.StillHeld):
        processes.start(command(tmp_path, python(SLEEPS)))
    first.stop()
    assert wait_until_free([tmp_path / "child.lock"], 10) == []


def test_children_are_started_from_the_main_thread_alone(tmp_path: Path) -> None:
    refused: list[Exception] = []

    def start() -> None:
        try:
            processes.start(command(tmp_path, python(SLEEPS)))
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(refused) == 1


def test_children_die_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path), SLEEPS, SLEEPS],
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout
        pids = [int(pid) for pid in launcher.stdout.readline().split()]
        assert [runs(pid) for pid in pids] == [True, True]
        launcher.kill()
    until(lambda: not any(runs(pid) for pid in pids))
