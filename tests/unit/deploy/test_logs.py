"""Tests how the output of children is limited and quoted."""

import os
from pathlib import Path

import pytest

from deploy import logs


def test_a_long_log_is_cut_and_its_writer_goes_on_at_the_beginning(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    writer = logs.open_to_append(log)
    os.write(writer, b"x" * 100)
    logs.rotate(log, bytes_max=99)
    os.write(writer, b"after")
    os.close(writer)
    assert log.read_bytes() == b"after"
    assert (tmp_path / "child.log.1").read_bytes() == b"x" * 100


def test_a_short_log_and_a_missing_one_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    logs.rotate(log)
    log.write_text("short")
    logs.rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["child.log"]
    assert log.read_text() == "short"


def test_a_long_log_that_cannot_be_copied_is_emptied_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"x" * 100)
    (tmp_path / "child.log.1").mkdir()  # in its place a disk without room, for anybody but root
    logs.rotate(log, bytes_max=99)
    assert log.read_bytes() == b""


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        (
            "UTC [1] FATAL:  no disk\nLOG:  database system is shut down\n",
            "UTC [1] FATAL:  no disk",
        ),
        ("initdb: error: no room\ninitdb: removing data directory\n", "initdb: error: no room"),
        ("*** FATAL CONFIG FILE ERROR ***\nline 10\nnot a number\n", "not a number"),
        ("Traceback\n  File\nkeys.KeyError: 'x'\n[INFO] Shutting down\n", "keys.KeyError: 'x'"),
    ],
)
def test_the_line_that_tells_most_is_the_reason(tmp_path: Path, printed: str, reason: str) -> None:
    log = tmp_path / "child.log"
    log.write_text(f"FATAL: of an earlier run\n{printed}")
    assert logs.failure_line(log, begin=len("FATAL: of an earlier run\n")) == reason


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"\xff" * (2 * logs.TAIL_BYTES) + b"\nerror: at last\n")
    assert logs.failure_line(log, begin=0) == "error: at last"
