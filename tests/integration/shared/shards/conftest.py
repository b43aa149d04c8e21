"""Three nodes of a cluster, each with the slot of one shard, and clients that watch scripts."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.client import Pipeline
from redis.crc import key_slot

from deploy.valkey import find_program
from shared.redis import Redis, RedisError
from shared.shards.shard_names import ShardNames
from tests.system.servers import free_port

SHARDS = (1, 2, 3)
SLOTS = 16_384
_START_SECONDS_MAX = 20.0
# Goes before a script: each command that it runs has to name one of its KEYS.
_WATCH = """
local server, announced = redis, {}
for _, key in ipairs(KEYS) do announced[key] = true end
local function watched(run)
  return function(command, ...)
    local words = {...}
    local keys = {words[1]}
    if command == 'XINFO' or command == 'XGROUP' then keys = {words[2]} end
    if command == 'DEL' then keys = words end
    for _, key in ipairs(keys) do
      if not announced[key] then error('not among KEYS: ' .. command .. ' ' .. key) end
    end
    return run(command, ...)
  end
end
local redis = {call = watched(server.call), pcall = watched(server.pcall)}
"""


class WatchingPipeline(Pipeline):
    """A pipeline whose scripts are watched."""

    ran: set[str]

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        self.ran.add(script)
        return super().eval(_WATCH + script, numkeys, *keys_and_args)


class WatchingRedis(Redis):
    """A connection that fails where a script uses what is none of its KEYS; `ran` are scripts."""

    ran: set[str]

    def register_script(self, script: Any) -> Any:
        self.ran.add(script)
        return super().register_script(_WATCH + script)

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        self.ran.add(script)
        return super().eval(_WATCH + script, numkeys, *keys_and_args)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        pool, callbacks = self.connection_pool, self.response_callbacks
        made = WatchingPipeline(pool, callbacks, transaction, shard_hint)
        made.ran = self.ran
        return made


@dataclass
class Cluster:
    """The nodes of a cluster: by shard the port of the one that has its slot."""

    ports: dict[int, int]
    ran: set[str] = field(default_factory=set)

    def url(self, shard: int) -> str:
        return f"redis://127.0.0.1:{self.ports[shard]}/0"

    def shard(self, shard: int) -> WatchingRedis:
        """Connects to the node of a shard."""
        redis = WatchingRedis.from_url(self.url(shard), socket_timeout=10)
        assert isinstance(redis, WatchingRedis)
        redis.names, redis.ran = ShardNames(shard), self.ran
        return redis


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    ports = [free_port() for _ in SHARDS]
    servers = [_start(tmp_path_factory.mktemp("node"), port) for port in ports]
    try:
        by_slot = sorted(SHARDS, key=lambda shard: key_slot(str(shard).encode()))
        yield _joined(dict(zip(by_slot, ports, strict=True)))
    finally:
        for server in servers:
            server.terminate()
            server.wait()


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    options = {
        "port": port,
        "cluster-port": free_port(),
        "bind": "127.0.0.1",
        "dir": folder,
        "cluster-enabled": "yes",
        "save": "",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen([find_program(), *words], stdout=subprocess.DEVNULL)


def _joined(ports: dict[int, int]) -> Cluster:
    """Gives each node the slots up to that of its shard, and waits until all know of all."""
    shards = list(ports)
    nodes = [Redis(port=ports[shard], socket_timeout=10) for shard in shards]
    _until(lambda: all(node.ping() for node in nodes))
    lasts = [key_slot(str(shard).encode()) for shard in shards[:-1]] + [SLOTS - 1]
    first = 0
    for node, last in zip(nodes, lasts, strict=True):
        _ask(node, "ADDSLOTSRANGE", first, last)
        first = last + 1
    for node in nodes[1:]:
        port = ports[shards[0]]
        bus = str(nodes[0].config_get("cluster-port")["cluster-port"])
        _ask(node, "MEET", "127.0.0.1", port, bus)
    for node in nodes:
        _until(lambda node=node: _state(node) == "ok")
        node.close()
    return Cluster(ports)


def _state(node: Redis) -> str:
    return str(_ask(node, "INFO")["cluster_state"])


def _ask(node: Redis, command: str, *words: str | int) -> Any:
    return node.execute_command(f"CLUSTER {command}", *words)  # type: ignore[no-untyped-call]


def _until(holds: Any) -> None:
    begun = time.monotonic()
    while True:
        with suppress(RedisError):
            if holds():
                return
        assert time.monotonic() - begun < _START_SECONDS_MAX
        time.sleep(0.05)


@pytest.fixture
def shards(cluster: Cluster) -> Iterator[dict[int, WatchingRedis]]:
    """Returns an empty connection to each shard."""
    connections = {shard: cluster.shard(shard) for shard in SHARDS}
    for redis in connections.values():
        redis.flushall()
    yield connections
    for redis in connections.values():
        redis.close()
