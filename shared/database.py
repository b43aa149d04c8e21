"""PostgreSQL's one door: how to connect, what a transaction is, what its faults are called."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from shared.errors import OperatorError

Connection = psycopg.Connection[tuple[Any, ...]]
Pool = ConnectionPool[Connection]
DatabaseError = psycopg.Error

_CONNECT_SECONDS_MAX = 3
_POOL_WAIT_SECONDS_MAX = 5.0
# A lost network is noticed in seconds: the kernel's own defaults take hours (idle) or 15 minutes.
_NETWORK: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
_SESSION = (
    "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=30s "
    "-c idle_in_transaction_session_timeout=60s "
    # The same from the server's side: what a client that was cut off has locked is free again.
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=5000"
)
# Shut down by somebody, broken down, not up yet.
_STOPPING_OR_STARTING = frozenset({"57P01", "57P02", "57P03"})
_BY_INDEX = (
    "SET LOCAL enable_seqscan = off; "
    "SET LOCAL enable_hashjoin = off; "
    "SET LOCAL enable_mergejoin = off"
)


def connect(url: str, program: str) -> Connection:
    """One connection, transactions opened by `transaction`. Raises DatabaseError.

    `program` names the caller in pg_stat_activity. Of several hosts, in the URL's order, the first
    that takes writes: never a standby.
    """
    connection = psycopg.connect(url, **_arguments(program))
    _require_durable_commits(connection)
    return connection


def open_pool(url: str, program: str, connections_max: int) -> Pool:
    """Connections as `connect` makes them, for threads that each borrow one for a moment.

    Opens none before the first is asked for, so PostgreSQL may be down; who then asks gets a
    DatabaseError within seconds. One that has died meanwhile is replaced before it is lent.
    """
    return ConnectionPool(
        url,
        kwargs=_arguments(program),
        configure=_require_durable_commits,
        check=ConnectionPool.check_connection,
        min_size=0,
        max_size=connections_max,
        timeout=_POOL_WAIT_SECONDS_MAX,
        reconnect_timeout=_POOL_WAIT_SECONDS_MAX,
        open=True,
        name=program,
    )


def _arguments(program: str) -> dict[str, Any]:
    return {
        "autocommit": True,
        "connect_timeout": _CONNECT_SECONDS_MAX,
        "target_session_attrs": "read-write",
        "application_name": f"waybill {program}",
        "options": _SESSION,
        **_NETWORK,
    }


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """Commit on leaving, roll back on an exception."""
    with connection.transaction():
        yield connection


@contextmanager
def index_only(connection: Connection) -> Iterator[Connection]:
    """A transaction whose statements ask for many things by their keys: each goes by an index.

    A plan is kept and used again. One that was made while a table was empty would read all of it,
    row by row, when it has grown.
    """
    with transaction(connection):
        connection.execute(_BY_INDEX)
        yield connection


def run(
    connection: Connection,
    statement: str,
    arguments: Sequence[Any] | Mapping[str, Any] | None = None,
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Executes one statement with its arguments. Raises DatabaseError.

    A statement may be composed of constants. psycopg takes composed text as bytes only, so that
    values are not formatted into it by mistake: here they always travel as arguments.
    """
    return connection.execute(statement.encode(), arguments)


def named_rows(
    connection: Connection, statement: str, arguments: Mapping[str, object]
) -> list[dict[str, Any]]:
    """Executes a query and returns each row as a mapping by column name."""
    cursor = run(connection, statement, arguments)
    columns = [column.name for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def copy_in(connection: Connection, statement: str, lines: bytes) -> None:
    """COPY … FROM STDIN, in PostgreSQL's text format. Raises DatabaseError."""
    with connection.cursor().copy(statement.encode()) as copy:
        copy.write(lines)


def sqlstate(fault: DatabaseError) -> str | None:
    """The five characters of SQLSTATE, None when the fault is the connection's own."""
    if fault.sqlstate is None and isinstance(fault, psycopg.DataError):
        return "22000"  # a value that the driver itself refused to send
    return fault.sqlstate


def is_duplicate(fault: DatabaseError) -> bool:
    """A row with this key is there already."""
    return isinstance(fault, psycopg.errors.UniqueViolation)


def is_unavailable(fault: DatabaseError) -> bool:
    """No server, or one that goes or comes: what was asked for may work in a moment."""
    state = sqlstate(fault)
    if state is None:
        return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] == "08" or state in _STOPPING_OR_STARTING


def is_closed(connection: Connection) -> bool:
    return connection.closed or connection.broken


def _require_durable_commits(connection: Connection) -> None:
    """An event leaves the inbox once its row is committed: the commit must mean the disk has it."""
    row = connection.execute("SHOW synchronous_commit").fetchone()
    if row is None or row[0] == "off":
        connection.close()
        raise OperatorError(
            "PostgreSQL runs with synchronous_commit = off: it may lose events it has confirmed. "
            "Set synchronous_commit = on for Waybill's role."
        )
