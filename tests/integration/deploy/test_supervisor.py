"""Tests that children are restarted, and stopped in order."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from deploy.supervisor import Supervisor
from tests.integration.deploy.children import DEAF, FORKS, NOTES, SLEEPS, command, python
from tests.integration.deploy.polling import lines, runs, until


class Time:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def supervisor(messages: list[str], clock: Time) -> Iterator[Supervisor]:
    supervisor = Supervisor(messages.append, clock)
    yield supervisor
    supervisor.stop()


def look(supervisor: Supervisor) -> dict[str, int]:
    supervisor.watch()
    return supervisor.pids


def kill(supervisor: Supervisor, name: str) -> int:
    """Kills a child, waits until the supervisor has noticed, and returns its process ID."""
    pid = supervisor.pids[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: name not in look(supervisor))
    return pid


def test_one_more_is_kept_alive_beside_the_others(
    supervisor: Supervisor, clock: Time, tmp_path: Path
) -> None:
    supervisor.start(command(tmp_path, python(SLEEPS), "first"))
    supervisor.start(command(tmp_path, python(SLEEPS), "later"))

    supervisor.add(command(tmp_path, python(SLEEPS), "more"), beside="first")
    assert supervisor.pids.keys() == {"first", "more", "later"}

    before = kill(supervisor, "more")
    clock.now += 0.5
    assert look(supervisor)["more"] != before


def test_one_that_is_dismissed_ends_and_is_not_started_again(
    supervisor: Supervisor, clock: Time, messages: list[str], tmp_path: Path
) -> None:
    supervisor.start(*(command(tmp_path, python(SLEEPS), name) for name in ("stays", "goes")))
    pid = supervisor.pids["goes"]

    supervisor.dismiss("goes")
    until(lambda: "goes" not in look(supervisor))
    clock.now += 60

    assert look(supervisor).keys() == {"stays"}
    assert not runs(pid)
    assert messages == []


def test_all_of_a_stage_have_the_same_time_to_stop(tmp_path: Path, messages: list[str]) -> None:
    supervisor = Supervisor(messages.append)
    names = ("a", "b", "c")
    supervisor.start(
        *(command(tmp_path, python(DEAF), name, stop_seconds_max=1.0) for name in names)
    )
    until(lambda: all(lines(tmp_path / f"{name}.log") == ["deaf"] for name in names))

    begun = time.monotonic()
    supervisor.stop()

    assert 1.0 <= time.monotonic() - begun < 2.5


def test_one_that_does_not_leave_in_time_is_killed(
    supervisor: Supervisor, clock: Time, tmp_path: Path
) -> None:
    supervisor.start(command(tmp_path, python(DEAF), stop_seconds_max=5.0))
    until(lambda: lines(tmp_path / "child.log") == ["deaf"])
    pid = supervisor.pids["child"]

    supervisor.dismiss("child")
    clock.now += 4.9
    assert look(supervisor) == {"child": pid}
    clock.now += 0.2
    assert look(supervisor) == {}
    assert not runs(pid)


def test_a_dead_child_is_told_once_and_started_again_when_it_is_due(
    supervisor: Supervisor, clock: Time, messages: list[str], tmp_path: Path
) -> None:
    supervisor.start(command(tmp_path, python(SLEEPS)))
    before = kill(supervisor, "child")
    supervisor.watch()
    assert supervisor.pids == {}
    assert messages == [
        f"child was killed by SIGKILL. It restarts in 0.5 s; see {tmp_path}/child.log"
    ]
    clock.now += 0.5
    supervisor.watch()
    assert supervisor.pids["child"] != before
    assert len(messages) == 1


def test_a_child_that_dies_at_every_start_is_waited_for_longer_each_time(
    supervisor: Supervisor, clock: Time, messages: list[str], tmp_path: Path
) -> None:
    supervisor.start(command(tmp_path, python("raise SystemExit(3)")))
    for _ in range(6):
        until(lambda: not look(supervisor))
        clock.now += 10.0
        supervisor.watch()
    waits = [line.split("restarts in ")[1].split(" s;")[0] for line in messages]
    assert waits == ["0.5", "1", "2", "3", "3", "3"]
    assert all(line.startswith("child exited with status 3.") for line in messages)


def test_a_child_that_cannot_be_started_again_is_tried_again_later(
    supervisor: Supervisor, clock: Time, messages: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    supervisor.start(command(tmp_path, (str(program), "600")))
    program.unlink()
    kill(supervisor, "child")
    clock.now += 0.5
    supervisor.watch()
    assert "No such file" in messages[1]
    program.symlink_to("/bin/sleep")
    clock.now += 1.0
    supervisor.watch()
    assert list(supervisor.pids) == ["child"]


def test_a_full_disk_delays_a_start_and_ends_nothing(
    supervisor: Supervisor, clock: Time, messages: list[str], tmp_path: Path
) -> None:
    is_full = False

    def write() -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    supervisor.start(replace(command(tmp_path, python(SLEEPS)), before=write))
    is_full = True
    kill(supervisor, "child")
    clock.now += 0.5
    supervisor.watch()
    assert supervisor.pids == {}
    assert "child did not start: [Errno 28] No space left on device" in messages[1]
    is_full = False
    clock.now += 1.0
    supervisor.watch()
    assert list(supervisor.pids) == ["child"]


@pytest.mark.parametrize("name", ["child.lock", "child.log"])
def test_a_file_that_cannot_be_opened_delays_a_start_and_ends_nothing(
    supervisor: Supervisor, clock: Time, tmp_path: Path, name: str
) -> None:
    supervisor.start(command(tmp_path, python(SLEEPS)))
    kill(supervisor, "child")
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    clock.now += 0.5
    supervisor.watch()
    assert supervisor.pids == {}
    (tmp_path / name).rmdir()
    clock.now += 1.0
    supervisor.watch()
    assert list(supervisor.pids) == ["child"]


def test_what_a_dead_child_forked_goes_with_it(
    supervisor: Supervisor, clock: Time, tmp_path: Path
) -> None:
    supervisor.start(command(tmp_path, python(FORKS)))
    until(lambda: len(lines(tmp_path / "child.log")) == 2)
    forked = [int(pid) for pid in lines(tmp_path / "child.log")]
    kill(supervisor, "child")
    until(lambda: not any(runs(pid) for pid in forked))
    clock.now += 0.5
    until(lambda: look(supervisor))


def all_spoke(logs: list[Path]) -> bool:
    return all(lines(log) for log in logs)


def test_children_are_stopped_stage_by_stage_in_reverse(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    for stage in (["postgres"], ["valkey"], ["ingest"], ["worker-1", "worker-2"]):
        supervisor.start(
            *(command(tmp_path, python(NOTES, name, str(stopped)), name=name) for name in stage)
        )
        logs = [tmp_path / f"{name}.log" for name in stage]
        until(partial(all_spoke, logs))
    supervisor.stop()
    assert lines(stopped)[2:] == ["ingest", "valkey", "postgres"]
    assert set(lines(stopped)[:2]) == {"worker-1", "worker-2"}
    assert supervisor.pids == {}
