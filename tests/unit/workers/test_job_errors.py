"""What RQ is told of a job that failed: where and what kind, never the words of the fault."""

import traceback

import psycopg
import pytest

from workers.job_errors import JobFailed, describe, without_data

SECRET = "0000-AAAA-BBBB-CCCC bought a ring"


def raised(fault: Exception) -> Exception:
    try:
        raise fault
    except type(fault) as caught:
        return caught


def test_a_job_that_succeeds_is_as_it_was() -> None:
    def drain() -> str:
        return "3 events"

    guarded = without_data(drain)

    assert guarded() == "3 events"
    assert guarded.__name__ == "drain"


@pytest.mark.parametrize(
    "fault",
    [ValueError(SECRET), KeyError(SECRET), psycopg.errors.UniqueViolation(SECRET), OSError(SECRET)],
)
def test_no_words_of_a_fault_are_passed_on_not_even_in_its_traceback(fault: Exception) -> None:
    def drain() -> str:
        raise fault

    with pytest.raises(JobFailed) as caught:
        without_data(drain)()

    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert type(fault).__name__ in caught.value.message


def test_a_fault_is_told_by_its_kind_and_its_place() -> None:
    told = describe(raised(ValueError(SECRET)))

    assert told.startswith("ValueError at test_job_errors.py:")
    assert told.endswith("in raised")


def test_a_fault_of_postgresql_is_told_with_its_state() -> None:
    told = describe(raised(psycopg.errors.UndefinedTable(SECRET)))

    assert told.startswith("UndefinedTable 42P01 at ")


def test_a_deep_fault_is_told_with_its_innermost_places() -> None:
    def fall(depth: int) -> None:
        if depth:
            fall(depth - 1)
        raise ValueError(SECRET)

    try:
        fall(50)
    except ValueError as fault:
        told = describe(fault)

    assert told.count(" in fall") == 5


def test_what_is_no_fault_passes() -> None:
    def drain() -> str:
        raise SystemExit

    with pytest.raises(SystemExit):
        without_data(drain)()
