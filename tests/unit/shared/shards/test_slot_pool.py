"""Which address the answers of a cluster's nodes lead to, asked from a thread or an event loop."""

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - Redis's own
    MovedError,
    NoPermissionError,
    RedisError,
    TimeoutError,  # noqa: A004 - Redis's own
)

from shared.redis import connect, connect_ingest, connect_rq
from shared.shards.shard_names import ShardNames
from shared.shards.slot_pool import AsyncSlotNodes, SlotNodes, all_nodes

KEY = "waybill:{1}:snapshot:version"
URL = "redis+cluster://u:secret@a:1,b:2"

Answer = RedisError | bytes | None
Discover = Callable[[Sequence[Answer]], tuple[str, int]]


class FakeNode:
    """A node of a cluster, with the address that the URL has for it."""

    def __init__(self, number: int, answer: Answer) -> None:
        place = {"host": f"node-{number}", "port": 7000 + number}
        self.connection_pool = SimpleNamespace(connection_kwargs=place)
        self.answer = answer
        self.asked = 0

    def get(self, key: str) -> bytes | None:
        assert key == KEY
        self.asked += 1
        if isinstance(self.answer, RedisError):
            raise self.answer
        return self.answer

    def execute_command(self, command: str) -> Any:
        assert command == "CLUSTER NODES"
        return self.get(KEY)


class AsyncFakeNode(FakeNode):
    """The same, for an event loop."""

    async def get(self, key: str) -> bytes | None:  # type: ignore[override]
        return super().get(key)


def fakes(answers: Sequence[Answer], kind: type[FakeNode] = FakeNode) -> list[Any]:
    return [kind(number, answer) for number, answer in enumerate(answers)]


def discover(answers: Sequence[Answer]) -> tuple[str, int]:
    return SlotNodes(fakes(answers)).discover_master(KEY)


def discover_async(answers: Sequence[Answer]) -> tuple[str, int]:
    return asyncio.run(AsyncSlotNodes(fakes(answers, AsyncFakeNode)).discover_master(KEY))


def moved(address: str) -> MovedError:
    return MovedError(f"9842 {address}")


BOTH = pytest.mark.parametrize("ask", [discover, discover_async])


@BOTH
@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([b"7"], ("node-0", 7000)),
        ([None], ("node-0", 7000)),  # the key is not there, but its slot is
        ([AskError("9842 b:1")], ("node-0", 7000)),  # which is about to be moved
        ([moved("other:9")], ("other", 9)),
        ([moved("::1:9")], ("::1", 9)),
        ([moved(":9")], ("node-0", 9)),  # a node that does not know its own name
        ([moved("?:9")], ("node-0", 9)),
        ([TimeoutError(), moved("other:9")], ("other", 9)),
        ([ClusterDownError("CLUSTERDOWN"), b"7"], ("node-1", 7001)),
        ([NoPermissionError(), moved("other:9")], ("other", 9)),
        # The primary is the last to learn that it was replaced: others are asked too.
        ([b"7", moved("other:9")], ("other", 9)),
        ([b"7", ConnectionError()], ("node-0", 7000)),
    ],
)
def test_the_answers_lead_to_the_node_that_has_the_slot(
    ask: Discover, answers: list[Answer], found: tuple[str, int]
) -> None:
    assert ask(answers) == found


@BOTH
@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([ConnectionError(), ClusterDownError("CLUSTERDOWN")], ConnectionError),
        # That a node refuses this user says more than that another is away.
        ([AuthenticationError(), ConnectionError()], AuthenticationError),
        ([NoPermissionError(), ConnectionError()], NoPermissionError),
    ],
)
def test_without_any_answer_the_error_says_what_is_wrong(
    ask: Discover, answers: list[Answer], error: type[RedisError]
) -> None:
    with pytest.raises(error):
        ask(answers)


def test_the_node_that_named_another_is_asked_first_from_then_on() -> None:
    away, primary, other = nodes = fakes([ConnectionError(), b"7", moved("node-1:7001")])
    asked = SlotNodes(list(nodes))

    for _ in range(3):
        assert asked.discover_master(KEY) == ("node-1", 7001)

    assert (away.asked, primary.asked, other.asked) == (1, 1, 3)


def test_where_a_command_was_sent_counts_more_than_what_other_nodes_know_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = 1_000.0
    monkeypatch.setattr("shared.shards.slot_pool.monotonic", lambda: time)
    nodes = SlotNodes(fakes([moved("old:1")]))

    assert nodes.moved(moved("new:2"), "asked") == ("new", 2)
    assert nodes.discover_master(KEY) == ("new", 2)
    time += 2
    assert nodes.discover_master(KEY) == ("old", 1)


def test_all_nodes_that_can_be_reached_are_known_by_the_first_that_answers() -> None:
    def node(flags: str, hostname: str = "") -> dict[str, str]:
        return {"flags": flags, "hostname": hostname}

    reply = {
        "192.0.2.1:6379": node("myself,master"),
        "192.0.2.2:6380": node("slave", "redis-2"),
        ":6381": node("master"),
        "192.0.2.4:0": node("master,noaddr"),
        "192.0.2.5:6379": node("master,fail"),
    }

    assert all_nodes(fakes([ConnectionError(), cast("Answer", reply)])) == [
        ("192.0.2.1", 6379),
        ("redis-2", 6380),
        ("node-1", 6381),
    ]
    with pytest.raises(ConnectionError):
        all_nodes(fakes([ConnectionError()]))


@pytest.mark.parametrize("scheme", ["redis+cluster", "rediss+cluster"])
def test_clients_of_a_cluster_use_the_login_for_the_primary_and_for_those_they_ask(
    scheme: str,
) -> None:
    url, names = URL.replace("redis+cluster", scheme), ShardNames(1)
    for client in (connect(url, names), connect_rq(url, names), connect_ingest(url, names, 700)):
        pool: Any = client.connection_pool
        seeds = pool.sentinel_manager.seeds
        asked = [seed.connection_pool.connection_kwargs for seed in seeds]
        connection = pool.connection_class(**pool.connection_kwargs)

        assert pool.service_name == KEY
        assert client.names == names
        assert (connection.username, connection.password) == ("u", "secret")
        assert [(each["host"], each["port"], each["password"]) for each in asked] == [
            ("a", 1, "secret"),
            ("b", 2, "secret"),
        ]
        assert ("Ssl" in type(connection).__name__) == scheme.startswith("rediss")
        assert isinstance(pool, AsyncSentinelConnectionPool) == hasattr(client, "aclose")
