"""What PostgreSQL's faults are called; connecting is tested with a real one."""

import psycopg
import pytest

from shared.database import DatabaseError, sqlstate


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


def test_a_value_that_the_driver_refused_is_the_values_fault_not_the_connections() -> None:
    assert sqlstate(psycopg.DataError("PostgreSQL text fields cannot contain NUL")) == "22000"
