"""Tests how PostgreSQL's errors are classified; connecting is tested with a real server."""

import psycopg
import pytest

from shared.database import DatabaseError, is_unavailable, sqlstate


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (psycopg.errors.UniqueViolation(), "23505"),
        (psycopg.errors.AdminShutdown(), "57P01"),
        (psycopg.errors.NumericValueOutOfRange(), "22003"),
        (psycopg.OperationalError("the connection was lost"), None),
        (psycopg.InterfaceError("the connection is closed"), None),
    ],
)
def test_a_fault_has_the_state_that_postgresql_gave_it(
    fault: DatabaseError, state: str | None
) -> None:
    assert sqlstate(fault) == state


@pytest.mark.parametrize(
    ("fault", "away"),
    [
        (psycopg.OperationalError("the connection was lost"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.ConnectionFailure(), True),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.ProgrammingError("a parameter is missing"), False),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), False),
    ],
)
def test_postgresql_is_away_when_asking_again_may_help(fault: DatabaseError, away: bool) -> None:
    assert is_unavailable(fault) is away


def test_a_value_that_the_driver_refused_is_the_values_fault_not_the_connections() -> None:
    assert sqlstate(psycopg.DataError("PostgreSQL text fields cannot contain NUL")) == "22000"
