"""Clients of a cluster work on where the slot of their shard is: after a move, after a failover."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from deploy.programs import RQ_OPTIONS
from ingest.inbox import Confirmation, InboxWriter
from shared.access.access_urls import Login, with_login
from shared.access.grantees import Grantee
from shared.access.redis_users import create_user
from shared.database import Connection
from shared.errors import InboxNotReplicated
from shared.ids import new_receipt
from shared.inbox import BatchPart, append, measure
from shared.redis import (
    RedisError,
    SlotMoved,
    close_ingest,
    connect,
    connect_ingest,
    connect_rq,
    follow_primary,
    is_refused,
    open_servers,
)
from shared.shards.shard_names import ShardNames
from tests.support.build import SECRET_KEY, batch, event, now
from tests.system.cluster_nodes import SHARD, MovingNodes, running_nodes, until

NAMES = ShardNames(SHARD)
BATCHES = 400
ANSWER_MS_MAX = 10_000  # on a slow disk too
PAYLOAD = batch(event())


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[MovingNodes]:
    with running_nodes(tmp_path) as running:
        yield running


def test_whoever_connects_finds_the_primary_though_the_first_node_is_away(
    nodes: MovingNodes,
) -> None:
    async def as_ingest() -> int:
        client = connect_ingest(nodes.url, NAMES, 700)
        port = (await client.info("server"))["tcp_port"]
        await close_ingest(client)
        return int(port)

    for open_redis in (connect, connect_rq):
        with open_redis(nodes.url, NAMES) as redis:
            assert redis.info("server")["tcp_port"] == nodes.primary()
    assert asyncio.run(as_ingest()) == nodes.primary()


def test_nobody_who_asks_only_nodes_that_are_away_finds_the_primary() -> None:
    with connect("redis+cluster://127.0.0.1:1", NAMES) as redis, pytest.raises(RedisError):
        redis.ping()


def written(nodes: MovingNodes, replicas_min: int, meanwhile: Callable[[], object]) -> list[int]:
    """Writes batches as ingest does, one after another; returns the backlog after each.

    What is refused is sent again, as senders do.
    """

    async def write(writer: InboxWriter, follow: Callable[[], Awaitable[None]]) -> list[int]:
        backlogs: list[int] = []
        while len(backlogs) < BATCHES:
            try:
                added = await writer.append(7, [BatchPart(PAYLOAD, 1)])
                backlogs.append(added.backlog)
            except (RedisError, OSError, InboxNotReplicated):
                await asyncio.sleep(0.05)
                await follow()
        return backlogs

    async def run() -> list[int]:
        client = connect_ingest(nodes.url, NAMES, ANSWER_MS_MAX)
        with connect(nodes.url, NAMES) as rq:
            rq.set(NAMES.snapshot_version, 7)
            writer = InboxWriter(client, rq, now, Confirmation(replicas_min, ANSWER_MS_MAX // 2))
            writing = asyncio.create_task(write(writer, lambda: follow_primary(client)))
            await asyncio.to_thread(meanwhile)
            backlogs = await writing
            await writer.close()
            await close_ingest(client)
        return backlogs

    return asyncio.run(run())


def test_no_batch_is_lost_refused_or_doubled_while_the_slot_moves(nodes: MovingNodes) -> None:
    left: list[int] = []

    backlogs = written(nodes, 0, lambda: left.append(nodes.move()))

    assert left != [nodes.primary()]
    assert backlogs == list(range(1, BATCHES + 1))
    with connect(nodes.url, NAMES) as redis:
        assert measure(redis).events == BATCHES


def test_what_a_replica_has_confirmed_is_there_after_its_primary_was_killed(
    nodes: MovingNodes,
) -> None:
    before = nodes.primary()
    confirmed = written(nodes, 1, lambda: None)

    nodes.kill_primary()
    later = written(nodes, 0, lambda: None)

    assert nodes.primary() == nodes.replica != before
    assert confirmed == list(range(1, BATCHES + 1))
    assert later == list(range(BATCHES + 1, 2 * BATCHES + 1))


def test_a_command_that_meets_a_moved_slot_says_so_and_the_next_one_works(
    nodes: MovingNodes,
) -> None:
    with connect(nodes.url, NAMES) as redis, connect_rq(nodes.url, NAMES) as rq:
        redis.set(NAMES.wake, "kept")
        assert rq.get(NAMES.wake) == b"kept"
        nodes.move()

        with pytest.raises(SlotMoved):
            redis.incr(NAMES.backlog)
        assert redis.incr(NAMES.backlog) == 1
        assert rq.incr(NAMES.backlog) == 2  # RQ's client tries again by itself
        nodes.move()
        with redis.pipeline(transaction=True) as pipeline:
            pipeline.incr(NAMES.backlog)
            pipeline.incr(NAMES.backlog)
            with pytest.raises(SlotMoved):
                pipeline.execute()
        assert redis.get(NAMES.backlog) == b"2"


def test_a_primary_that_was_replaced_is_left_before_a_command_meets_it(nodes: MovingNodes) -> None:
    async def run() -> int:
        client = connect_ingest(nodes.url, NAMES, 700)
        await client.set(NAMES.wake, "1")
        await asyncio.to_thread(nodes.move)
        await follow_primary(client)
        await client.set(NAMES.wake, "2")
        port = (await client.info("server"))["tcp_port"]
        await close_ingest(client)
        return int(port)

    assert asyncio.run(run()) == nodes.primary()


def test_a_program_with_a_login_of_its_own_works_wherever_the_slot_is(nodes: MovingNodes) -> None:
    login = Login("waybill_ingest", "its own password")
    with open_servers(nodes.url, NAMES) as servers:
        ports = {server.connection_pool.connection_kwargs["port"] for server in servers}
        for server in servers:
            create_user(server, login, Grantee.INGEST)
    assert ports == set(nodes.processes)

    for _ in range(2):
        with connect(with_login(nodes.url, login), NAMES) as program:
            program.get(NAMES.snapshot_version)
            with pytest.raises(RedisError) as refused:
                program.xrange(NAMES.inbox)
            assert is_refused(refused.value)
        nodes.move()

    wrong = with_login(nodes.url, Login("waybill_ingest", "another"))
    with connect(wrong, NAMES) as stranger, pytest.raises(RedisError) as refused:
        stranger.ping()
    assert is_refused(refused.value)


def test_a_worker_drains_on_after_the_slot_moved_and_after_its_primary_was_killed(
    nodes: MovingNodes, connection: Connection, database_url: str
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": nodes.url,
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
        "WAYBILL_SHARD": str(SHARD),
        "RQ_KEY_PREFIX": NAMES.rq_prefix,
    }
    program = [sys.executable, "-m", "rq.cli", "worker", *RQ_OPTIONS, "pipeline"]

    def stored() -> int:
        [(count,)] = connection.execute("SELECT count(*) FROM events").fetchall()
        return int(count)

    def send(total: int) -> None:
        with connect(nodes.url, NAMES) as redis:
            append(redis, batch(event(receipt=new_receipt(now()))), 1)
        until(lambda: is_working() and stored() == total, f"{total} events are stored")

    def is_working() -> bool:
        """Starts the worker again if it has ended, as a service manager does."""
        if workers[-1].poll() is not None:
            workers.append(subprocess.Popen(program, env=environment))
        return True

    workers = [subprocess.Popen(program, env=environment)]
    try:
        send(1)
        nodes.move()
        send(2)
        started = len(workers)
        nodes.move(nodes.followed)
        nodes.kill_primary()
        send(3)
    finally:
        workers[-1].terminate()
        workers[-1].wait(30)

    assert started == 1  # a move ends no worker
