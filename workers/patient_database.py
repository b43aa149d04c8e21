"""Holds one connection to PostgreSQL, with limits on how long its statements wait."""

import msgspec

from shared.database import (
    Connection,
    DatabaseError,
    connect,
    is_closed,
    limit_waits,
    sqlstate,
)
from workers.core.faults import Disposition, disposition


class Patience(msgspec.Struct, frozen=True):
    """The time that a statement may take, and that it may wait for a lock."""

    answer_seconds_max: float
    lock_ms_max: int


PATIENT = Patience(35.0, 5_000)  # of jobs that nobody waits for


def is_outdated_plan(error: DatabaseError) -> bool:
    """Tells whether a prepared statement met a changed table: on a new connection it succeeds.

    PostgreSQL has no SQLSTATE for that but "feature not supported", and translates the message.
    """
    routine = error.diag.source_function
    return sqlstate(error) == "0A000" and routine == "RevalidateCachedQuery"


def is_retryable(error: DatabaseError) -> bool:
    """Tells whether the same may succeed on a new connection, whatever the data."""
    return is_outdated_plan(error) or disposition(sqlstate(error)) is Disposition.RETRY


class Database:
    """A connection that is opened on first use, and again after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._patience: Patience | None = None

    def connection(self, patience: Patience = PATIENT) -> Connection:
        """Returns the open connection, with this patience.

        Raises DatabaseError if PostgreSQL is unreachable.
        """
        if self._connection is None or is_closed(self._connection):
            self._connection = connect(self._url, "worker", patience.answer_seconds_max)
            self._patience = None
        if patience != self._patience:
            limit_waits(
                self._connection,
                answer_seconds_max=patience.answer_seconds_max,
                lock_ms_max=patience.lock_ms_max,
            )
            self._patience = patience
        return self._connection

    def close(self) -> None:
        """Closes the connection, so that the next use opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
