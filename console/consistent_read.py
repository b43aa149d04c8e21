"""Reads what several statements find at one moment, while workers go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.database import Connection, run, transaction


@contextmanager
def one_moment(connection: Connection) -> Iterator[Connection]:
    """Begins a transaction whose statements all read the state at its first one, and write nothing.

    A transaction that is open already goes on as it is.
    """
    if connection.info.transaction_status.name == "INTRANS":
        yield connection
        return
    with transaction(connection):
        run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection
