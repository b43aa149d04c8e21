"""Tests that the embedded PostgreSQL and Valkey are durable and private, and come back."""

import os
import signal
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from deploy import postgres, valkey
from deploy.stack import EmbeddedStores, Stack
from shared.errors import OperatorError
from tests.integration.deploy.conftest import Machine
from tests.integration.deploy.polling import until

ELSEWHERE = {"DATABASE_URL": "postgresql:///elsewhere"}  # named, never opened


def ask_database(stack: Stack, query: str) -> str:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return str(row[0])


def remember(stack: Stack, word: str) -> None:
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", (word,))
    with Redis.from_url(stack.redis_url) as redis:
        redis.sadd("words", word)


def remembers(stack: Stack, word: str) -> bool:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("SELECT 1 FROM words WHERE word = %s", (word,)).fetchone()
    with Redis.from_url(stack.redis_url) as redis:
        return bool(row) and bool(redis.sismember("words", word))


def test_postgres_is_durable_and_private(machine: Machine) -> None:
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "pglz",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "",
        "TimeZone": "UTC",
    }
    with machine.stack() as stack:
        assert {name: ask_database(stack, f"SHOW {name}") for name in wanted} == wanted


def test_valkey_is_durable_and_private(machine: Machine) -> None:
    with machine.stack() as stack, Redis.from_url(stack.redis_url) as redis:
        settings = redis.config_get("*")
    assert {name: settings[name] for name in (*valkey.SETTINGS, "maxmemory")} == {
        **valkey.SETTINGS,
        "maxmemory": str(512 * 1024 * 1024),
    }


def test_what_was_written_is_there_after_a_stop(machine: Machine) -> None:
    with machine.stack() as stack:
        remember(stack, "stopped")
    with machine.stack() as stack:
        assert remembers(stack, "stopped")


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_store_comes_back_with_all_it_had(
    machine: Machine, messages: list[str], name: str
) -> None:
    with machine.stack(say=messages.append) as stack:
        remember(stack, f"killed {name}")
        before = stack.pids[name]
        os.kill(before, signal.SIGKILL)
        until(lambda: comes_back(stack, name, before))
        until(lambda: answers(stack))
        assert remembers(stack, f"killed {name}")
    assert len(messages) == 1
    assert messages[0].startswith(f"{name} was killed by SIGKILL. It restarts in 0.5 s")


def comes_back(stack: Stack, name: str, before: int) -> bool:
    stack.watch()
    return stack.pids.get(name, before) != before


def answers(stack: Stack) -> bool:
    return all(server.is_ready() for server in stack._servers)


def test_a_process_id_that_a_dead_server_left_is_not_believed(machine: Machine) -> None:
    with machine.stack() as stack:
        pid_file = machine.data / "postgres" / "cluster" / "postmaster.pid"
        written = pid_file.read_text().splitlines()
        stack.stop()
        # As after a restart of the machine: another process of this user has the ID now.
        pid_file.write_text("\n".join([str(os.getpid()), *written[1:]]))
    with machine.stack() as stack:
        assert ask_database(stack, "SELECT 'here'") == "here"


def test_clients_faults_and_what_people_sent_are_not_in_the_log(machine: Machine) -> None:
    with machine.stack() as stack:
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("CREATE TEMP TABLE one (secret text UNIQUE)")
            connection.execute("INSERT INTO one VALUES ('hunter2')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO one VALUES ('hunter2')")
        log = (machine.data / "logs" / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "hunter2" not in log


def test_data_of_another_postgres_is_not_touched(new_machine: Machine) -> None:
    cluster = new_machine.data / "postgres" / "cluster"
    with new_machine.stack():
        written_by = (cluster / "PG_VERSION").read_text().strip()
    (cluster / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(
            postgres.OtherPostgresVersion, match=f"by PostgreSQL 9, and this is .* {written_by}"
        ),
        new_machine.stack(),
    ):
        pass


def test_data_of_a_later_valkey_is_not_touched(machine: Machine) -> None:
    note = machine.data / "valkey" / "written_by"
    with machine.stack():
        written_by = note.read_text()
    note.write_text("Valkey 99.0")
    with (
        pytest.raises(valkey.OtherValkeyVersion, match=r"was written by Valkey 99\.0"),
        machine.stack(),
    ):
        pass
    assert note.read_text() == "Valkey 99.0"
    note.write_text(written_by)


def test_a_cluster_that_was_never_finished_is_begun_anew(new_machine: Machine) -> None:
    begun = new_machine.data / "postgres" / "cluster.new"
    with new_machine.stack(variables=ELSEWHERE):
        pass
    begun.mkdir(parents=True, mode=0o700)
    (begun / "PG_VERSION").write_text("half")
    with new_machine.stack() as stack:
        assert ask_database(stack, "SELECT current_database()") == "waybill"
    assert not begun.exists()


@pytest.mark.parametrize("name", ["long" * 40, "it's ü, 100%"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    machine = Machine(EmbeddedStores(), tmp_path / name)
    with machine.stack() as stack:
        remember(stack, name)
        assert remembers(stack, name)
        folders = [server.socket_folder for server in stack._servers]
        assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in folders)
    assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize(
    ("stores", "words"),
    [
        (
            EmbeddedStores(postgres_binaries=Path("/no/such/bin")),
            "There is no PostgreSQL in /no/such/bin",
        ),
        (
            EmbeddedStores(valkey_program=Path("/no/such/valkey")),
            "/no/such/valkey cannot be run here",
        ),
        (EmbeddedStores(valkey_program=Path("/bin/true")), "/bin/true cannot be run here"),
        (
            EmbeddedStores(valkey_maxmemory="much"),
            "valkey did not start: argument must be a memory",
        ),
    ],
)
def test_a_server_that_cannot_run_is_refused_in_plain_words(
    tmp_path: Path, stores: EmbeddedStores, words: str
) -> None:
    machine = Machine(stores, tmp_path / ".waybill")
    variables = {} if stores.postgres_binaries else ELSEWHERE
    with pytest.raises(OperatorError, match=words), machine.stack(variables=variables):
        pass
