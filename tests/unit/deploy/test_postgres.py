"""Tests the settings of the embedded PostgreSQL, and when it counts as ready."""

from pathlib import Path

import pytest

from deploy import postgres


def test_a_commit_is_on_disk_and_nothing_listens_on_the_network() -> None:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert postgres.SETTINGS[name] == "on"
    assert postgres.SETTINGS["listen_addresses"] == ""


@pytest.mark.parametrize(
    ("memory_gb", "buffers_mb"), [(1, 128), (2, 128), (8, 512), (16, 1024), (256, 1024)]
)
def test_a_sixteenth_of_the_memory_is_for_buffers_within_limits(
    monkeypatch: pytest.MonkeyPatch, memory_gb: int, buffers_mb: int
) -> None:
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": memory_gb << 18}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)

    assert postgres.shared_buffers_mb() == buffers_mb


@pytest.mark.parametrize(
    ("state", "ready"),
    [("starting", False), ("ready   ", True), ("stopping", False), (None, False)],
)
def test_the_server_is_ready_when_it_says_so(
    tmp_path: Path, state: str | None, ready: bool
) -> None:
    lines = ["42", "/data", "1700000000", "5432", "/run", "", "  1 2"]
    (tmp_path / "postmaster.pid").write_text("\n".join([*lines, state] if state else lines))
    assert postgres._is_ready(tmp_path / "postmaster.pid") is ready


def test_a_server_that_has_written_nothing_is_not_ready(tmp_path: Path) -> None:
    assert not postgres._is_ready(tmp_path / "postmaster.pid")


def test_the_program_of_the_wheel_is_found_without_importing_it() -> None:
    assert (postgres.find_binaries() / "initdb").exists()
