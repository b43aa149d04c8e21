"""Tests that a backup outlives a network that is silent for a while, and a slow reader.

PostgreSQL is reached by TCP: on a socket of the machine there is no network.
"""

import ctypes
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from shared.database import (
    Connection,
    DatabaseError,
    connect,
    copy_table_out,
    exported_snapshot,
    reading_snapshot,
    run,
)
from tests.system.servers import Postgres, until

# Longer than the 5 s after which a session idles, with a probe and the 2 s for its answer.
SILENT_SECONDS = 10
SECONDS_MAX = 30
ROWS = 300_000  # more than the buffers of the sockets hold
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27


@pytest.fixture(scope="module")
def tcp_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="waybill-postgres-") as folder:
        server = Postgres(Path(folder))
        server.make()
        server.start()
        try:
            until(lambda: _answers(server.url), SECONDS_MAX, "PostgreSQL answering")
            with psycopg.connect(server.url) as connection:
                connection.execute("CREATE TABLE words (word text)")
                connection.execute(
                    "INSERT INTO words SELECT repeat('w', 100) FROM generate_series(1, %s)",
                    (ROWS,),
                )
            yield server.url
        finally:
            server.stop()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:  # it is starting up
        return False
    return True


@contextmanager
def _silence(connection: Connection) -> Iterator[None]:
    """Has the kernel drop whatever arrives for a connection, as a network that is cut off does."""
    with socket.socket(fileno=os.dup(connection.fileno())) as client:
        # One instruction of BPF: return 0, take no byte of the packet.
        instruction = ctypes.create_string_buffer(b"\x06\x00\x00\x00\x00\x00\x00\x00")
        program = (1).to_bytes(8, "little") + ctypes.addressof(instruction).to_bytes(8, "little")
        client.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        try:
            yield
        finally:
            client.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def _outlives_silence(url: str, *, is_patient: bool) -> bool:
    with connect(url, "tests", is_patient=is_patient) as keeper, exported_snapshot(keeper) as name:
        with _silence(keeper):
            time.sleep(SILENT_SECONDS)
        with connect(url, "tests") as reader, reading_snapshot(reader, name):
            run(reader, "SELECT 1")
        run(keeper, "SELECT 1")
    return True


def test_the_session_that_keeps_the_snapshot_outlives_a_silent_network(tcp_url: str) -> None:
    assert _outlives_silence(tcp_url, is_patient=True)


def test_any_other_session_is_given_up_so_that_its_locks_are_released(tcp_url: str) -> None:
    with pytest.raises(DatabaseError):
        _outlives_silence(tcp_url, is_patient=False)


def test_rows_wait_for_a_reader_that_takes_its_time(tcp_url: str) -> None:
    with (
        connect(tcp_url, "tests", is_patient=True) as keeper,
        connect(tcp_url, "tests", is_patient=True) as reader,
        exported_snapshot(keeper) as name,
        reading_snapshot(reader, name),
    ):
        rows = copy_table_out(reader, "words", ["word"])
        next(rows)
        time.sleep(SILENT_SECONDS)
        assert sum(1 for _ in rows) == ROWS - 1


def test_no_limit_of_the_server_ends_the_session_that_keeps_the_snapshot(tcp_url: str) -> None:
    with connect(tcp_url, "tests") as keeper:
        run(keeper, "SET idle_in_transaction_session_timeout = '500ms'")
        run(keeper, "SET statement_timeout = '500ms'")
        with exported_snapshot(keeper):
            time.sleep(1.5)
            run(keeper, "SELECT pg_sleep(1)")


@pytest.mark.parametrize("name", ["tcp_user_timeout", "tcp_keepalives_idle"])
def test_both_sides_of_a_patient_session_are_patient(tcp_url: str, name: str) -> None:
    with connect(tcp_url, "tests", is_patient=True) as connection:
        [(of_server,)] = run(connection, "SELECT current_setting(%s)", (name,))
        client = connection.info.get_parameters()

    expected = {"tcp_user_timeout": "0", "tcp_keepalives_idle": "30"}
    assert of_server == expected[name]
    assert client[name.removeprefix("tcp_") if "keep" in name else name] == expected[name]
