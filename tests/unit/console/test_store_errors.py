"""Who is at fault: the store, or the value that somebody asked for."""

import psycopg
import pytest

from console.store_errors import StoreError, UnfitValue, database_error


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL bytes"), UnfitValue),
        (psycopg.errors.NumericValueOutOfRange("integer out of range"), UnfitValue),
        (psycopg.errors.CharacterNotInRepertoire("invalid byte sequence"), UnfitValue),
        (psycopg.OperationalError("connection refused"), StoreError),
        (psycopg.errors.AdminShutdown("terminating connection"), StoreError),
        (psycopg.errors.UndefinedTable("no such table"), StoreError),
        (psycopg.errors.LockNotAvailable("canceling statement"), StoreError),
    ],
)
def test_a_value_that_cannot_be_stored_is_no_fault_of_the_store(
    fault: psycopg.Error, kind: type[Exception]
) -> None:
    error = database_error(fault)

    assert type(error) is kind
    assert str(fault) not in error.message
