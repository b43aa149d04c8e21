"""Tests that the log of erasures gives back what was appended, whatever a crash left in it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from shared.database import Connection
from shared.errors import OperatorError
from shared.privacy.erasure_log import (
    ErasureLog,
    LoggedAllowance,
    LoggedErasure,
    owner_check,
    read_log,
)

KEY = b"k" * 32
ERASED = LoggedErasure(UUID(int=1), 7, datetime(2026, 11, 28, tzinfo=UTC), ["aa"], [("user", "bb")])
ALLOWED = LoggedAllowance(["bb"])
NO_DATABASE = cast("Connection", None)


@pytest.fixture
def log(tmp_path: Path) -> ErasureLog:
    """A log that was begun."""
    path = tmp_path / "erasures.log"
    path.write_text(f'{{"type":"owner","key_check":"{owner_check(KEY)}"}}\n')
    return ErasureLog(path)


def test_entries_come_back_in_their_order(log: ErasureLog) -> None:
    for entry in (ERASED, ALLOWED, ERASED):
        log.append(NO_DATABASE, KEY, entry)

    contents = read_log(log.path.read_bytes(), "erasures.log")

    assert contents.owner == owner_check(KEY)
    assert contents.entries == [ERASED, ALLOWED, ERASED]
    assert contents.unreadable == 0


def test_a_line_that_a_crash_cut_off_spoils_no_other(log: ErasureLog) -> None:
    log.append(NO_DATABASE, KEY, ERASED)
    whole = log.path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1])):
        log.path.write_bytes(whole[:-cut])
        log.append(NO_DATABASE, KEY, ERASED)
        contents = read_log(log.path.read_bytes(), "erasures.log")
        assert contents.entries[-1] == ERASED
        assert contents.unreadable <= 1


def test_a_file_that_is_no_log_is_refused_by_its_name() -> None:
    for content in (b"", b"not a log\n", b"\xff\xfe\n"):
        with pytest.raises(OperatorError, match=r"notes\.txt"):
            read_log(content, "notes.txt")


def test_another_key_has_another_check_that_does_not_contain_it() -> None:
    assert owner_check(KEY) != owner_check(b"l" * 32)
    assert KEY.hex() not in owner_check(KEY)
