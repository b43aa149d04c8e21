"""Tests a whole stack: one launcher, the order of starts, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from deploy.addresses import Addresses, find_addresses
from deploy.listen import BadAddress, Listen
from deploy.lock import AlreadyRunning, Lock, is_held, wait_until_free
from deploy.processes import NotStarted
from deploy.programs import Program
from deploy.stack import LeftRunning, Plan, Stack
from shared.errors import OperatorError
from tests.integration.deploy.children import listener, python, sleeper
from tests.integration.deploy.conftest import Machine
from tests.integration.deploy.polling import command_line, lines, runs, until

LAUNCHER = """
import json, sys, time
from pathlib import Path
from deploy.listen import Listen
from deploy.stack import EmbeddedStores, Plan, Stack
from tests.integration.deploy.children import listener, sleeper
data, listen, binaries, program = sys.argv[1:]
stores = EmbeddedStores(Path(binaries) if binaries else None, Path(program) if program else None)
programs = (listener(Listen.parse(listen)), sleeper(2))
with Stack(Path(data), {}, Plan(programs, stores=stores), print) as stack:
    print(json.dumps(stack.pids), flush=True)
    while True:
        stack.watch()
        time.sleep(0.1)
"""


def launcher(machine: Machine, listen: Listen) -> "subprocess.Popen[str]":
    """Starts another process that runs a stack; its first line of output has the process IDs."""
    stores = (machine.stores.postgres_binaries, machine.stores.valkey_program)
    places = (str(machine.data), str(listen), *(str(path or "") for path in stores))
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, *places], stdout=subprocess.PIPE, text=True
    )


def test_everything_runs_inside_and_nothing_after(machine: Machine, listen: Listen) -> None:
    with machine.stack(listener(listen), sleeper(2)) as stack:
        pids = stack.pids
        assert list(pids) == ["postgres", "valkey", "ingest", "worker-1", "worker-2"]
        assert all(runs(pid) for pid in pids.values())
        assert stack.url == f"http://{listen}"
        assert listen.answers()
    assert not any(runs(pid) for pid in pids.values())
    assert not listen.answers()


def test_the_stores_are_prepared_before_the_programs_start(
    machine: Machine, listen: Listen
) -> None:
    prepared: list[tuple[str, str]] = []

    def prepare(database_url: str, redis_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT 1")
        assert not listen.answers()
        assert find_addresses(machine.data) is None
        prepared.append((database_url, redis_url))

    with machine.stack(listener(listen), prepare=prepare) as stack:
        assert prepared == [(stack.database_url, stack.redis_url)]


def test_a_preparation_that_fails_leaves_nothing_running(machine: Machine) -> None:
    stack = machine.stack(sleeper(), prepare=fails)
    with pytest.raises(OperatorError, match="the migration failed"), stack:
        pass
    assert wait_until_free([machine.data / "lock", *stack.folder.locks()], 0) == []


def fails(_database_url: str, _redis_url: str) -> None:
    raise OperatorError("the migration failed")


def test_a_program_that_does_not_start_is_quoted_and_nothing_stays(
    machine: Machine, listen: Listen
) -> None:
    broken = Program("ingest", python("raise SystemExit('no module')"), listen=listen)
    stack = machine.stack(broken)
    words = r"ingest did not start: no module \(see .*ingest.log"
    with pytest.raises(NotStarted, match=words), stack:
        pass
    assert wait_until_free([machine.data / "lock", *stack.folder.locks()], 0) == []


def test_other_commands_find_the_stores_while_they_run(machine: Machine, listen: Listen) -> None:
    with machine.stack(listener(listen)) as stack:
        assert find_addresses(machine.data) == Addresses(
            stack.database_url, stack.redis_url, str(listen), os.getpid()
        )
    assert find_addresses(machine.data) is None


def test_programs_get_addresses_and_the_key_in_their_environment_alone(machine: Machine) -> None:
    tells = "import json, os, time; print(json.dumps(dict(os.environ)), flush=True); time.sleep(60)"
    log = machine.data / "logs" / "teller-1.log"
    with machine.stack(Program("teller", python(tells)), variables={"LANG": "C"}) as stack:
        until(lambda: lines(log))
        report = json.loads(lines(log)[0])
        arguments = b" ".join(command_line(pid) for pid in stack.pids.values())
        key = stack.folder.secret_key()
    assert report["DATABASE_URL"] == stack.database_url
    assert report["REDIS_URL"] == stack.redis_url
    assert report["WAYBILL_SECRET_KEY"] == key
    assert report["LANG"] == "C"
    assert b"import json" in arguments
    assert not any(secret.encode() in arguments for secret in (key, report["REDIS_URL"]))
    log.unlink()


@pytest.mark.parametrize(
    ("variable", "runs_here"), [("DATABASE_URL", ["valkey"]), ("REDIS_URL", ["postgres"])]
)
def test_a_url_replaces_its_own_store_alone(
    machine: Machine, variable: str, runs_here: list[str]
) -> None:
    with machine.stack(variables={variable: "scheme://elsewhere"}) as stack:
        assert list(stack.pids) == runs_here
        url = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.redis_url}[variable]
        assert url == "scheme://elsewhere"


def test_a_second_launcher_says_that_one_is_running(machine: Machine, listen: Listen) -> None:
    with launcher(machine, listen) as first:
        assert first.stdout
        pids = json.loads(first.stdout.readline())
        with pytest.raises(AlreadyRunning) as refusal, machine.stack():
            pass
        assert f"(pid {first.pid}, http://{listen})" in refusal.value.message
        assert all(runs(pid) for pid in pids.values())
        first.kill()
    until(lambda: not any(runs(pid) for pid in pids.values()))


def test_nothing_outlives_a_launcher_that_is_killed(machine: Machine, listen: Listen) -> None:
    with launcher(machine, listen) as first:
        assert first.stdout
        pids = json.loads(first.stdout.readline())
        assert sorted(pids) == ["ingest", "postgres", "valkey", "worker-1", "worker-2"]
        first.kill()
    until(lambda: not any(runs(pid) for pid in pids.values()))
    # Also none of what they forked: each inherited the lock of its name.
    assert wait_until_free((machine.data / "locks").iterdir(), 20) == []


def test_the_next_launcher_starts_at_once_where_one_was_killed(
    machine: Machine, listen: Listen
) -> None:
    with launcher(machine, listen) as first:
        assert first.stdout
        first.stdout.readline()
        first.kill()
    with machine.stack(listener(listen), sleeper(2)) as stack:
        assert len(stack.pids) == 5


def leave_running(lock_path: Path, seconds: int) -> "subprocess.Popen[bytes]":
    """Imitates a server that takes a while to stop after its launcher was killed."""
    with Lock.acquire(lock_path) or pytest.fail("still held") as lock:
        leftover = subprocess.Popen(["sleep", str(seconds)], pass_fds=[lock.descriptor])
        lock.write(f"pid {leftover.pid}")
    return leftover


def test_what_is_still_stopping_is_waited_for(machine: Machine, messages: list[str]) -> None:
    with machine.stack():
        pass
    leftover = leave_running(machine.data / "locks" / "postgres.lock", seconds=1)
    with machine.stack(say=messages.append):
        assert leftover.wait() == 0
    assert messages == ["Waiting for the servers of an earlier run to stop."]


def test_what_does_not_stop_is_named(machine: Machine, messages: list[str]) -> None:
    with machine.stack():
        pass
    leftover = leave_running(machine.data / "locks" / "postgres.lock", seconds=600)
    stack = Stack(machine.data, {}, Plan(leftover_seconds_max=0.5), messages.append)
    words = rf"earlier launch: postgres \(pid {leftover.pid}\)"
    with pytest.raises(LeftRunning, match=words), stack:
        pass
    leftover.kill()
    leftover.wait()


def test_a_taken_port_is_said_before_anything_starts(new_machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = Listen("127.0.0.1", other.getsockname()[1])
        stack = new_machine.stack(listener(listen))
        with pytest.raises(BadAddress, match=f"{listen} is in use by another program"), stack:
            pass
    assert not (new_machine.data / "postgres").exists()
    assert not is_held(new_machine.data / "lock")


def test_an_address_that_is_not_of_this_machine_is_refused(new_machine: Machine) -> None:
    stack = new_machine.stack(listener(Listen("192.0.2.1", 8080)))
    with pytest.raises(BadAddress, match=r"192.0.2.1:8080 cannot be served: Cannot assign"), stack:
        pass


def test_a_killed_program_is_started_again(
    machine: Machine, listen: Listen, messages: list[str]
) -> None:
    with machine.stack(listener(listen), sleeper(2), say=messages.append) as stack:
        before = stack.pids
        for name in ("ingest", "worker-2"):
            os.kill(before[name], signal.SIGKILL)
        until(lambda: changed(stack, before) == {"ingest", "worker-2"})
        until(listen.answers)
    assert sorted(line.split(".")[0] for line in messages) == [
        "ingest was killed by SIGKILL",
        "worker-2 was killed by SIGKILL",
    ]


def changed(stack: Stack, before: dict[str, int]) -> set[str]:
    stack.watch()
    return {name for name, pid in stack.pids.items() if before[name] != pid}


def test_stopping_twice_is_stopping_once(machine: Machine) -> None:
    stack = machine.stack()
    with stack:
        stack.stop()
        assert stack.pids == {}
    stack.stop()
    assert not is_held(machine.data / "lock")


def test_a_folder_with_other_files_is_left_alone(new_machine: Machine) -> None:
    new_machine.data.mkdir()
    (new_machine.data / "thesis.txt").touch()
    with pytest.raises(OperatorError, match="holds other files"), new_machine.stack():
        pass
    assert [path.name for path in Path(new_machine.data).iterdir()] == ["thesis.txt"]
