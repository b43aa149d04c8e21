"""Tests which of several hosts is used, and the settings of a session."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from shared.database import Connection, DatabaseError, connect, is_closed, run, transaction


@pytest.fixture
def reader(connection: Connection, database_url: str) -> Iterator[str]:
    """The address of a role that may not write, as none may on a standby."""
    connection.execute("CREATE ROLE reader LOGIN")
    connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    yield database_url.replace("://waybill@", "://reader@")
    connection.execute("DROP ROLE reader")


def test_a_server_that_takes_no_writes_is_not_used(reader: str, database_url: str) -> None:
    assert reader != database_url

    with pytest.raises(DatabaseError, match="read-only"):
        connect(reader, "tests")


def test_a_host_that_is_away_is_passed_over(connection: Connection, database_url: str) -> None:
    folder = connection.info.host

    with connect(f"{database_url}&host=/nowhere,{folder}", "tests") as found:
        assert found.info.host == folder


def test_the_server_too_notices_a_client_that_was_cut_off(connection: Connection) -> None:
    rows = connection.execute("SELECT name FROM pg_settings WHERE source = 'client'").fetchall()

    told = {name for (name,) in rows}
    assert {"tcp_user_timeout", "tcp_keepalives_idle", "tcp_keepalives_count"} <= told


def _stop_in_transaction(connection: Connection) -> None:
    with transaction(connection):
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        run(connection, "SELECT 1")


def test_a_backend_that_is_stopped_is_given_up(database_url: str) -> None:
    given_up = connect(database_url, "tests", answer_seconds_max=1)
    backend = given_up.info.backend_pid
    started_at = time.monotonic()
    try:
        with pytest.raises(DatabaseError):
            _stop_in_transaction(given_up)
    finally:
        os.kill(backend, signal.SIGCONT)

    assert 0.9 < time.monotonic() - started_at < 20
    assert is_closed(given_up)
