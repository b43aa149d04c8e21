"""A primary, a replica and a Sentinel: who is found, what has to confirm, what a failover costs."""

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from deploy.valkey import find_program
from ingest.durability import durability_problems
from ingest.inbox import Confirmation, InboxWriter
from shared.access.access_urls import Login, with_login
from shared.access.grantees import Grantee
from shared.access.redis_users import create_user
from shared.errors import InboxNotReplicated
from shared.events import encode_event, join_events
from shared.inbox import BatchPart, measure
from shared.redis import (
    Redis,
    RedisError,
    close_ingest,
    connect,
    connect_ingest,
    connect_rq,
    follow_primary,
    is_refused,
    open_servers,
)
from tests.support.build import event, now
from tests.support.redis_names import NAMES
from tests.system.servers import free_port

SECONDS_MAX = 20
PASSWORD = "a password of the tests"
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
PAYLOAD = join_events([encode_event(event())])


def until(holds: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while True:
        with suppress(RedisError):
            if holds():
                return
        assert time.monotonic() - begun < SECONDS_MAX
        time.sleep(0.05)


@dataclass
class Watched:
    """Two Redis that a Sentinel watches as `main`; `url` names the Sentinel."""

    ports: tuple[int, int]
    url: str
    sentinel: Redis

    def at(self, port: int) -> Redis:
        return connect(f"redis://:{PASSWORD}@127.0.0.1:{port}/0", NAMES)

    def primary(self) -> int:
        (_, port) = self.ask("GET-MASTER-ADDR-BY-NAME")
        return int(port)

    def asked_to_fail_over(self) -> bool:
        self.ask("FAILOVER")  # an error while the one before is not over
        return True

    def ask(self, question: str) -> Any:
        return self.sentinel.execute_command(  # type: ignore[no-untyped-call]
            "SENTINEL", question, "main"
        )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    first, second, third = free_port(), free_port(), free_port()
    folder = tmp_path_factory.mktemp("sentinel")
    durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    known = ["--requirepass", PASSWORD, "--masteruser", "replica", "--masterauth", PASSWORD]
    known += ["--repl-diskless-sync-delay", "0", *_users()]
    started = [
        _start(folder, first, *durable, *known),
        _start(folder, second, *durable, *known, "--replicaof", f"127.0.0.1 {first}"),
    ]
    watched = Watched(
        (first, second),
        f"redis+sentinel://:{PASSWORD.replace(' ', '%20')}@127.0.0.1:1,127.0.0.1:{third}/main",
        connect(f"redis://127.0.0.1:{third}/0", NAMES),
    )
    until(lambda: bool(watched.at(second).info("replication")["master_link_status"] == "up"))
    started.append(_start(folder, third, "--sentinel", configuration=_sentinel(first)))
    until(lambda: watched.primary() == first and _knows_replica(watched))
    try:
        yield watched
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(SECONDS_MAX)
        watched.sentinel.close()


def _users() -> list[str]:
    """Returns the users of replicas and Sentinels, as docs/operations.md declares them."""
    digest = sha256(PASSWORD.encode()).hexdigest()
    declared = re.findall(r"^user (\w+ on #)DIGEST (.*)$", OPERATIONS.read_text(), re.MULTILINE)
    assert {name.split()[0] for name, _ in declared} == {"default", "replica", "sentinel"}
    return [
        word
        for name, rules in declared
        if not name.startswith("default")
        for word in ("--user", *f"{name}{digest} {rules}".split())
    ]


def _start(
    folder: Path, port: int, *flags: str, configuration: str = ""
) -> "subprocess.Popen[bytes]":
    home = folder / str(port)
    home.mkdir()
    file = home / "redis.conf"
    file.write_text(f"port {port}\nbind 127.0.0.1\ndir {home}\nlogfile {home}/log\n{configuration}")
    return subprocess.Popen([str(find_program()), str(file), *flags])


def _sentinel(primary: int) -> str:
    return (
        f"sentinel monitor main 127.0.0.1 {primary} 1\n"
        "sentinel auth-user main sentinel\n"
        f'sentinel auth-pass main "{PASSWORD}"\n'
        "sentinel down-after-milliseconds main 1000\n"
        "sentinel failover-timeout main 5000\n"
    )


def _knows_replica(watched: Watched) -> bool:
    return len(watched.ask("REPLICAS")) == 1


def test_whoever_connects_finds_the_primary_though_the_first_sentinel_is_away(
    watched: Watched,
) -> None:
    async def as_ingest() -> int:
        client = connect_ingest(watched.url, NAMES, 700)
        port = (await client.info("server"))["tcp_port"]
        await close_ingest(client)
        return int(port)

    for open_redis in (connect, connect_rq):
        with open_redis(watched.url, NAMES) as redis:
            assert redis.info("server")["tcp_port"] == watched.primary()
    assert asyncio.run(as_ingest()) == watched.primary()


class Interrupted(BaseException):
    """A signal, as RQ raises it in a worker that waits for its next job."""


def test_an_answer_that_a_signal_kept_a_worker_from_reading_is_not_that_of_its_next_command(
    watched: Watched,
) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with connect_rq(watched.url, NAMES) as redis:
            redis.ping()
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Interrupted):
                redis.blpop(["nothing"], 1)
            assert redis.echo("mine") == b"mine"
    finally:
        signal.signal(signal.SIGALRM, before)


def _append(url: str, *, replicas_min: int) -> int:
    async def run() -> int:
        client = connect_ingest(url, NAMES, 700)
        with connect(url, NAMES) as rq:
            writer = InboxWriter(client, rq, now, Confirmation(replicas_min, 400))
            try:
                return (await writer.append(7, [BatchPart(PAYLOAD, 1)])).backlog
            finally:
                await writer.close()
                await close_ingest(client)

    return asyncio.run(run())


def test_a_batch_is_confirmed_once_as_many_replicas_as_asked_for_have_it(watched: Watched) -> None:
    replica = next(port for port in watched.ports if port != watched.primary())
    with connect(watched.url, NAMES) as redis:
        redis.set(NAMES.snapshot_version, 7)
        before = measure(redis).events

        assert _append(watched.url, replicas_min=1) == before + 1
        with watched.at(replica) as copy:
            assert measure(copy).events == before + 1

        with pytest.raises(InboxNotReplicated):
            _append(watched.url, replicas_min=2)
        assert measure(redis).events == before + 2  # refused, and kept all the same


def _faults(url: str, replicas_min: int) -> list[str]:
    async def run() -> list[str]:
        client = connect_ingest(url, NAMES, 700)
        try:
            return await durability_problems(client, replicas_min)
        finally:
            await close_ingest(client)

    return asyncio.run(run())


def test_a_redis_with_fewer_replicas_than_have_to_confirm_is_not_durable(watched: Watched) -> None:
    assert _faults(watched.url, 1) == []
    assert "has 1 replicas" in _faults(watched.url, 2)[0]


def test_a_primary_that_was_replaced_is_left_though_it_still_answers(watched: Watched) -> None:
    before = watched.primary()

    async def run() -> None:
        client = connect_ingest(watched.url, NAMES, 700)
        found = (await client.info("server"))["tcp_port"]
        assert found == before
        until(watched.asked_to_fail_over)
        async with asyncio.timeout(SECONDS_MAX):
            while found == before:
                await asyncio.sleep(0.1)
                await follow_primary(client)
                found = (await client.info("server"))["tcp_port"]
        await close_ingest(client)

    asyncio.run(run())
    assert watched.at(before).info("replication")["role"] == "master"
    until(lambda: watched.at(before).info("replication")["role"] == "slave")


def test_after_a_failover_the_same_clients_work_on_with_the_new_primary(watched: Watched) -> None:
    before = watched.primary()
    with connect(watched.url, NAMES) as redis, connect_rq(watched.url, NAMES) as rq:
        redis.set("kept", "1")
        assert redis.wait(1, 1000) == 1
        assert rq.get("kept") == b"1"

        until(watched.asked_to_fail_over)
        until(lambda: watched.primary() != before)

        until(lambda: bool(redis.set("written", "1")) and redis.get("kept") == b"1")
        until(lambda: rq.info("server")["tcp_port"] == watched.primary())
        until(lambda: redis.info("server")["tcp_port"] == watched.primary())


def test_a_program_with_a_login_of_its_own_works_on_after_a_failover(watched: Watched) -> None:
    login = Login("waybill_ingest", "its own password")
    url = with_login(watched.url, login)
    with open_servers(watched.url, NAMES) as servers:
        assert len(servers) == 2
        for server in servers:
            create_user(server, login, Grantee.INGEST)
    until(lambda: _confirms(watched))
    assert _append(url, replicas_min=1) > 0
    before = watched.primary()

    until(watched.asked_to_fail_over)
    until(lambda: watched.primary() != before and _confirms(watched))

    assert _append(url, replicas_min=1) > 0
    with connect(url, NAMES) as program, pytest.raises(RedisError) as refused:
        program.xrange("waybill:inbox")
    assert is_refused(refused.value)


def _confirms(watched: Watched) -> bool:
    """Tells whether the replica follows the primary that the Sentinel names."""
    with connect(watched.url, NAMES) as owner:
        return bool(owner.set(NAMES.snapshot_version, 7)) and owner.wait(1, 500) == 1
