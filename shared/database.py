"""Connects to PostgreSQL, executes statements in transactions and classifies errors.

The only module that imports psycopg.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from psycopg_pool import ConnectionPool

from shared.errors import OperatorError

Connection = psycopg.Connection[tuple[Any, ...]]
Pool = ConnectionPool[Connection]
DatabaseError = psycopg.Error

_CONNECT_SECONDS_MAX = 3
_POOL_WAIT_SECONDS_MAX = 5.0
# When an idle peer is probed, and given up. A lost network is noticed in seconds; the kernel would
# take hours. The server does the same, and releases the locks of a client that was cut off.
_PROBING = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_IMPATIENT = dict(zip(_PROBING, (5, 2, 3, 5000), strict=True))
# A backup of hours is not tried again as a job is. Its sessions idle, or wait for a slow reader: a
# probe that is not answered in 2 s would end it.
_PATIENT = dict(zip(_PROBING, (30, 10, 12, 0), strict=True))
_TIMEOUTS = "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
_UNLIMITED = """
SELECT set_config(name, '0', true) FROM pg_settings  -- the first since version 17
WHERE name IN ('transaction_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout')
"""
_ENCODING = "UTF8"
_LIMIT_WAITS = (
    "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"
)
# The server was shut down by an administrator, has crashed, or is still starting.
_STOPPING_OR_STARTING = frozenset({"57P01", "57P02", "57P03"})
_BY_INDEX = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""


class _Deadlined(Connection):
    """A connection that gives up when the server has not answered in time, and is then closed.

    The server's own time-outs end no statement whose process hangs or is stopped.
    """

    answer_seconds_max: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Waits for an answer as psycopg does. Raises DatabaseError when time is up."""
        limit = timeout or self.answer_seconds_max
        ends_at = None if limit is None else monotonic() + limit
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if ends_at is not None and monotonic() >= ends_at:
                self.pgconn.finish()
            raise


def connect(
    url: str, program: str, answer_seconds_max: float | None = None, *, is_patient: bool = False
) -> Connection:
    """Opens one connection, whose transactions are begun by `transaction`. Raises DatabaseError.

    A statement that is not answered within `answer_seconds_max` fails and closes the connection, as
    does a network that is silent for seconds, or with `is_patient` for two minutes.
    `program` names the caller in pg_stat_activity. Of several hosts it connects to the first, in
    the URL's order, that accepts writes: never to a standby.
    """
    network = _PATIENT if is_patient else _IMPATIENT
    connection = _Deadlined.connect(url, **_arguments(program, network))
    connection.answer_seconds_max = answer_seconds_max
    _require_suitable(connection)
    return connection


def open_pool(url: str, program: str, connections_max: int) -> Pool:
    """Opens a pool of connections as `connect` opens them, for threads that borrow one briefly.

    No connection is opened before the first is borrowed, so PostgreSQL may be down; borrowing one
    then raises DatabaseError within seconds. A connection that died in the pool is replaced before
    it is lent.
    """
    return ConnectionPool(
        url,
        kwargs=_arguments(program),
        configure=_require_suitable,
        check=ConnectionPool.check_connection,
        min_size=0,
        max_size=connections_max,
        timeout=_POOL_WAIT_SECONDS_MAX,
        reconnect_timeout=_POOL_WAIT_SECONDS_MAX,
        open=True,
        name=program,
    )


def _arguments(program: str, network: Mapping[str, int] = _IMPATIENT) -> dict[str, Any]:
    of_server = (f"-c tcp_{name.removeprefix('tcp_')}={limit}" for name, limit in network.items())
    return {
        "autocommit": True,
        "connect_timeout": _CONNECT_SECONDS_MAX,
        # Whatever the URL, the role or the database asks for: in another encoding, text would be
        # stored as something else.
        "client_encoding": "utf8",
        "target_session_attrs": "read-write",
        "application_name": f"waybill {program}",
        "options": " ".join(("-c timezone=UTC", _TIMEOUTS, *of_server)),
        **network,
    }


def limit_waits(connection: Connection, *, answer_seconds_max: float, lock_ms_max: int) -> None:
    """Limits how long a statement may take and wait for a lock from now on. Raises DatabaseError.

    The server gives up a statement somewhat earlier than the client, and says which it was.
    """
    arguments = (f"{lock_ms_max}ms", f"{round(answer_seconds_max * 850)}ms")
    connection.execute(_LIMIT_WAITS, arguments)
    if isinstance(connection, _Deadlined):
        connection.answer_seconds_max = answer_seconds_max


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """Commits at the end of the block, rolls back on an exception."""
    with connection.transaction():
        yield connection


@contextmanager
def index_only(connection: Connection) -> Iterator[Connection]:
    """Begins a transaction that looks rows up by index only, for lookups of many keys at once.

    Plans are cached and reused. A plan that was made while a table was empty would scan the whole
    table, row by row, once it has grown.
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

    A statement may be composed of constants (tests/unit/test_sql_composition.py proves it). psycopg
    accepts composed text only as bytes, so that no value is formatted into it by mistake: here
    values always travel as arguments.
    """
    return connection.execute(statement.encode(), arguments)


def run_utility(
    connection: Connection,
    statement: LiteralString,
    names: Mapping[str, str],
    texts: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> None:
    """Executes a statement that takes no arguments, such as GRANT. Raises DatabaseError.

    In it `{name}` stands for one of `names`, quoted as an identifier, of `texts`, quoted as a text,
    or of `words`, which are keywords.
    """
    keywords = {name: SQL(word) for name, word in (words or {}).items() if word.isalpha()}
    identifiers = {name: Identifier(value) for name, value in names.items()}
    literals = {name: Literal(value) for name, value in (texts or {}).items()}
    connection.execute(SQL(statement).format(**keywords, **identifiers, **literals))


def named_rows(
    connection: Connection, statement: str, arguments: Mapping[str, object]
) -> list[dict[str, Any]]:
    """Executes a query and returns each row as a mapping by column name."""
    cursor = run(connection, statement, arguments)
    columns = [column.name for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def copy_in(connection: Connection, statement: str, lines: bytes) -> None:
    """Sends lines in PostgreSQL's text format to COPY … FROM STDIN. Raises DatabaseError."""
    with connection.cursor().copy(statement.encode()) as copy:
        copy.write(lines)


def copy_table_out(
    connection: Connection, table: str, columns: Sequence[str]
) -> Iterator[memoryview]:
    """Yields the rows of one table, not of its partitions, in PostgreSQL's text format.

    Each row is one line. Raises DatabaseError.
    """
    names = SQL(", ").join(map(Identifier, columns))
    source = SQL("SELECT {} FROM ONLY {}").format(names, Identifier(table))
    with connection.cursor().copy(SQL("COPY ({}) TO STDOUT").format(source)) as copy:
        for row in copy:
            yield memoryview(row)


def copy_table_in(
    connection: Connection, table: str, columns: Sequence[str], pieces: Iterable[bytes]
) -> int:
    """Adds rows in PostgreSQL's text format to a table, and returns their number.

    A piece may end in the middle of a row. Raises DatabaseError.
    """
    names = SQL(", ").join(map(Identifier, columns))
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)
    cursor = connection.cursor()
    with cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)
    return cursor.rowcount


def has_rows(connection: Connection, table: str) -> bool:
    """Tells whether a table or one of its partitions has a row. Raises DatabaseError."""
    statement = SQL("SELECT EXISTS (SELECT FROM {})").format(Identifier(table))
    return bool(connection.execute(statement).fetchone() == (True,))


@contextmanager
def exported_snapshot(connection: Connection) -> Iterator[str]:
    """Keeps the present state of the database readable; yields its name for `reading_snapshot`.

    The transaction reads no table, so that it holds no lock: a backup of an hour must not keep
    upkeep from attaching tomorrow's partition, and senders behind it.
    """
    with transaction(connection):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(_UNLIMITED)
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])


@contextmanager
def reading_snapshot(connection: Connection, name: str) -> Iterator[Connection]:
    """Begins a transaction that reads the state which `exported_snapshot` keeps."""
    with transaction(connection):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(name))
        connection.execute(_UNLIMITED)
        yield connection


def sqlstate(error: DatabaseError) -> str | None:
    """Returns the five characters of SQLSTATE, None for an error of the connection itself."""
    if error.sqlstate is None and isinstance(error, psycopg.DataError):
        return "22000"  # a value that the driver refused to send
    return error.sqlstate


def is_duplicate(error: DatabaseError) -> bool:
    """Tells whether a row with this key exists already."""
    return isinstance(error, psycopg.errors.UniqueViolation)


def is_unavailable(error: DatabaseError) -> bool:
    """Tells whether PostgreSQL is unreachable, stopping or starting, so a retry may succeed."""
    state = sqlstate(error)
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] == "08" or state in _STOPPING_OR_STARTING


def is_closed(connection: Connection) -> bool:
    """Tells whether a connection cannot be used any more."""
    return connection.closed or connection.broken


def _require_suitable(connection: Connection) -> None:
    """Raises OperatorError if this server or database could lose or change what is stored."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _ENCODING:
        connection.close()
        raise OperatorError(
            f"The database stores text as {encoding}, which cannot hold everything that is sent. "
            "Name one in DATABASE_URL made by CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )
    # An event leaves the inbox as soon as its row is committed, so the commit has to be on disk.
    row = connection.execute("SHOW synchronous_commit").fetchone()
    if row is None or row[0] == "off":
        connection.close()
        raise OperatorError(
            "PostgreSQL runs with synchronous_commit = off: it may lose events that it has "
            "confirmed. Set synchronous_commit = on for Waybill's role."
        )
