"""What each class of SQLSTATE says about the events that met it."""

import pytest

from workers.core.faults import Disposition, disposition, is_broken_off

RETRY, ISOLATE, DOUBT = Disposition.RETRY, Disposition.ISOLATE, Disposition.DOUBT


def test_a_lost_connection_is_no_events_fault() -> None:
    assert disposition(None) is RETRY


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("08006", "connection failure"),
        ("25006", "read-only transaction: the server became a standby"),
        ("25P03", "idle in transaction for too long"),
        ("40001", "serialisation failure"),
        ("40P01", "deadlock"),
        ("42P01", "a table is missing"),
        ("42501", "a right is missing"),
        ("53100", "disk full"),
        ("53300", "too many connections"),
        ("55P03", "lock not available"),
        ("57014", "statement timeout"),
        ("57P01", "shut down by the administrator"),
        ("57P03", "starting up"),
        ("58030", "I/O error"),
    ],
)
def test_a_fault_of_the_server_is_tried_again(state: str, meaning: str) -> None:
    assert disposition(state) is RETRY, meaning


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("22001", "text too long"),
        ("22003", "number out of range"),
        ("22021", "not in the encoding"),
        ("22P02", "not of the type"),
        ("22P05", "character that the encoding lacks"),
        ("23502", "null where none may be"),
        ("23505", "already there"),
        ("23514", "a check of the table says no"),
        ("54000", "a limit of PostgreSQL"),
        ("42804", "not of the column's type"),
        ("42846", "cannot be cast"),
    ],
)
def test_a_fault_of_a_value_is_searched_for_in_the_batch(state: str, meaning: str) -> None:
    assert disposition(state) is ISOLATE, meaning


@pytest.mark.parametrize("state", ["XX000", "XX001", "P0001", "0A000", "0P000", "99999", "F0000"])
def test_what_cannot_be_told_is_delivered_again(state: str) -> None:
    assert disposition(state) is DOUBT


@pytest.mark.parametrize("state", [None, "57P01", "57P02", "57014", "08006", "08P01"])
def test_a_broken_session_may_be_an_events_doing(state: str | None) -> None:
    assert is_broken_off(state)


@pytest.mark.parametrize("state", ["55P03", "40P01", "53100", "57P03", "22021"])
def test_a_lock_a_full_disk_or_a_start_is_never_an_events_doing(state: str) -> None:
    assert not is_broken_off(state)
