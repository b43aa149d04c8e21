"""All that works on a Redis of its own works for each shard of a cluster of three nodes."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest
from redis.crc import key_slot
from redis.exceptions import MovedError

from deploy.programs import RQ_OPTIONS
from shared.database import Connection
from shared.events import Environment, Event
from shared.inbox import (
    APPEND,
    Appended,
    BatchPart,
    append,
    append_arguments,
    append_keys,
    measure,
    read_append_reply,
)
from shared.integration_log import UnreadCount, UnreadReason, UnreadSource, unread_commands
from shared.limits.app_shares import queued_events
from shared.lines.recent_ids import RecentId, id_arguments
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.requests import (
    ADD,
    PrivacyAction,
    PrivacyRequest,
    add_arguments,
    add_keys,
    waiting_requests,
)
from shared.publishing import publish_snapshot
from shared.recompute import Recompute, read_recompute, report_recompute, request_recompute
from shared.redis import Redis, RedisError, connect
from shared.rejections import bad_token_addresses, bad_token_commands
from shared.sdk.known_attributions import KnownAttribution, day_keys, publish
from shared.seen import LOOK_BACK, SeenMarker, device_marker, look_back_keys, set_markers
from shared.shards.shard_names import ShardNames
from shared.token_use import delete_copied_use, tokens_used, use_commands
from tests.integration.shared.shards.conftest import Cluster, WatchingRedis
from tests.support.build import NOW_MS, SECRET_KEY, batch, event
from tests.unit.test_house import modules, tree
from workers.deliver.lease import Lease
from workers.drain.inbox_reader import InboxReader

DEVICE = device_marker(7, Environment.PRODUCTION, "u", NOW_MS)
ID = RecentId(b"d" * 12, b"v" * 20)


def sent(app_id: int = 7) -> Event:
    return event(app_id=app_id)


def appended(redis: Redis, version: str = "") -> Appended | None:
    """Appends two parts with a marker and an ID, as ingest does."""
    parts = [
        BatchPart(batch(sent()), 1, "7", "7"),
        BatchPart(batch(sent(7), sent(8)), 2, "7:1,8:1"),
    ]
    markers: list[SeenMarker] = [DEVICE]
    reply = redis.register_script(APPEND)(
        keys=append_keys(redis.names, parts, markers, NOW_MS),
        args=[*append_arguments(version, parts, 1, markers), *id_arguments([ID])],
    )
    return read_append_reply(cast("list[Any]", reply), len(markers))


def use_inbox(redis: Redis) -> None:
    """Runs the scripts of the inbox and of the seen set, and reads what they did."""
    names = redis.names
    assert appended(redis, "5") is None  # checked against a snapshot that is not published
    first = appended(redis)
    assert first is not None
    assert (first.backlog, first.seen_before, first.firsts) == (3, [False], [b""])
    again = appended(redis)
    assert again is not None
    assert (again.backlog, again.seen_before, again.firsts) == (6, [True], [ID.value])

    set_markers(redis, [DEVICE, device_marker(8, Environment.SANDBOX, "v", NOW_MS)], NOW_MS)
    markers = [DEVICE.name, b"o" * 12]
    looked = redis.register_script(LOOK_BACK)(
        keys=look_back_keys(names, markers, NOW_MS), args=[7, *markers, 9]
    )
    assert cast("list[Any]", looked)[0] == DEVICE.value

    redis.set(names.inbox_share, 1)
    append(redis, batch(sent()), 1, apps="7")
    assert queued_events(redis) == {7: 5, 8: 2}
    assert measure(redis).events == 7
    reader = InboxReader(redis, "worker", 10_000)
    assert reader.waiting().parked == 1
    assert reader.release_parked(100, 100) is False  # nothing is left
    assert reader.waiting().parked == 0
    entries = reader.read(None)
    assert sum(entry.count for entry in entries) == 7
    assert {entry.shard for entry in entries} == {names.shard}
    reader.note_suspect(entries[0], 1)
    assert reader.suspect(entries[0]) == 1
    reader.ack(entries)
    reader.delete_consumers(0)
    assert reader.waiting() == (0, 0, 0)


def use_logs(redis: Redis) -> None:
    """Runs the scripts and transactions of what is noted beside the inbox."""
    names = redis.names
    request = PrivacyRequest(
        action=PrivacyAction.FORGET,
        app_id=7,
        source="test",
        ids=[PersonId(IdKind.DEVICE, "d")],
        at_ms=NOW_MS,
    )
    redis.register_script(ADD)(keys=add_keys(names), args=add_arguments(request, [b"digest"]))
    assert [waiting for _, waiting in waiting_requests(redis)] == [request]

    request_recompute(redis, [7])
    assert report_recompute(redis, 7, Recompute(request=1, done=3))
    assert read_recompute(redis, 7) == Recompute(request=1, done=3)

    with redis.pipeline(transaction=True) as pipeline:
        use_commands(pipeline, names, {3: NOW_MS})
        bad_token_commands(pipeline, names, {"192.0.2.1": 2})
        pipeline.execute()
    with redis.pipeline(transaction=False) as pipeline:
        source = UnreadSource("/click", 1, 0, UnreadReason.MACRO, "sub", "{sub}")
        unread_commands(pipeline, names, 7, {source: UnreadCount(1, NOW_MS, NOW_MS)})
        pipeline.execute()
    assert bad_token_addresses(redis, 5) == {"192.0.2.1": 2}
    delete_copied_use(redis, tokens_used(redis))
    assert tokens_used(redis) == {}

    publish(redis, {b"user": KnownAttribution(NOW_MS)}, NOW_MS)
    assert redis.hlen(day_keys(names, NOW_MS)[0]) == 1
    lease = Lease(redis, "worker")
    assert lease.hold()
    lease.release()


def scripts() -> Iterator[str]:
    """Yields every script that a module of the product runs."""
    for name in modules():
        for node in ast.walk(tree(name)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in {"register_script", "eval"}:
                script = cast("ast.Name", node.args[0])
                yield getattr(importlib.import_module(name), script.id)


def test_every_script_runs_on_each_shard_of_a_cluster_with_the_keys_that_it_is_given(
    cluster: Cluster, shards: dict[int, WatchingRedis]
) -> None:
    for redis in shards.values():
        use_inbox(redis)
        use_logs(redis)

    assert len(set(scripts())) > 12
    assert set(scripts()) - cluster.ran == set()


def test_the_keys_of_a_shard_are_in_its_slot_on_its_node(
    shards: dict[int, WatchingRedis], connection: Connection
) -> None:
    for shard, redis in shards.items():
        use_inbox(redis)
        use_logs(redis)
        publish_snapshot(connection, redis, SECRET_KEY)
        keys = cast("list[bytes]", redis.keys("*"))
        assert len(keys) > 20
        assert {key_slot(key) for key in keys} == {key_slot(str(shard).encode())}


def test_a_shard_is_refused_by_a_node_that_has_another(cluster: Cluster) -> None:
    with connect(cluster.url(1), ShardNames(2)) as redis, pytest.raises(MovedError):
        append(redis, batch(sent()), 1)


def test_names_without_a_shard_do_not_stay_together_in_a_cluster(cluster: Cluster) -> None:
    """What the rule prevents: this is the error of each script, were its keys not in one slot."""
    with connect(cluster.url(1), ShardNames(0)) as redis, pytest.raises(RedisError):
        append(redis, batch(sent()), 1)


def test_a_worker_of_rq_drains_its_shard_and_touches_no_other(
    cluster: Cluster, shards: dict[int, WatchingRedis], connection: Connection, database_url: str
) -> None:
    for redis in shards.values():
        append(redis, batch(sent()), 1)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": cluster.url(2),
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
        "WAYBILL_SHARD": "2",
        "RQ_KEY_PREFIX": "{2}:rq",
    }
    program = "from shared.rq_queue import enqueue; from workers.process import process_stores; "
    program += "enqueue(process_stores().redis, 'drain')"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    worker = [sys.executable, "-m", "rq.cli", "worker", *RQ_OPTIONS, "--burst", "pipeline"]
    subprocess.run(worker, env=environment, check=True, timeout=120)

    stored = connection.execute("SELECT count(*) FROM events").fetchall()
    waiting = {shard: measure(redis).events for shard, redis in shards.items()}
    prefixes = {key.partition(b"}")[0] for key in cast("list[bytes]", shards[2].keys("*"))}

    assert stored == [(1,)]
    assert waiting == {1: 1, 2: 0, 3: 1}
    assert prefixes == {b"waybill:{2", b"{2"}
