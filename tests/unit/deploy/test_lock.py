"""Tests locks that end with their holder."""

import os
from pathlib import Path

import pytest

from deploy.lock import AlreadyRunning, Lock, holders, is_held, lock_as_launcher, wait_until_free


def test_a_lock_is_taken_once(tmp_path: Path) -> None:
    lock = Lock.acquire(tmp_path / "lock")
    assert lock
    assert Lock.acquire(tmp_path / "lock") is None
    lock.close()
    again = Lock.acquire(tmp_path / "lock")
    assert again
    again.close()


def test_a_lock_lasts_until_the_last_copy_of_its_descriptor_is_closed(tmp_path: Path) -> None:
    lock = Lock.acquire(tmp_path / "lock")
    assert lock
    inherited = os.dup(lock.descriptor)
    lock.close()
    assert is_held(tmp_path / "lock")
    os.close(inherited)
    assert not is_held(tmp_path / "lock")


def test_looking_at_a_lock_neither_makes_nor_takes_it(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()
    with Lock.acquire(tmp_path / "lock") or pytest.fail("not taken"):
        assert is_held(tmp_path / "lock")
        assert is_held(tmp_path / "lock")


def test_a_second_launcher_learns_who_the_first_one_is(tmp_path: Path) -> None:
    with (
        lock_as_launcher(tmp_path / "lock", "http://127.0.0.1:8080"),
        pytest.raises(AlreadyRunning) as refusal,
    ):
        lock_as_launcher(tmp_path / "lock", "http://127.0.0.1:9090")
    assert refusal.value.message.startswith(
        f"Waybill is already running here (pid {os.getpid()}, http://127.0.0.1:8080)."
    )


def test_a_launcher_takes_over_from_one_that_is_gone_however_long_its_words_were(
    tmp_path: Path,
) -> None:
    (tmp_path / "lock").write_text("pid 4194304, http://a-long-host-name.example:8080")
    with lock_as_launcher(tmp_path / "lock", None):
        assert (tmp_path / "lock").read_text() == f"pid {os.getpid()}"


def test_locks_that_do_not_become_free_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / "free.lock", tmp_path / "held.lock"]
    with Lock.acquire(paths[1]) or pytest.fail("not taken"):
        assert wait_until_free(paths, 0.1) == [paths[1]]
    assert wait_until_free(paths, 0.1) == []


def test_whoever_holds_a_lock_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock.acquire(path) or pytest.fail("not taken") as lock:
        lock.write(f"pid {os.getpid()}")
        assert holders(path) == f"pid {os.getpid()}"
