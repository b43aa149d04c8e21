"""Follows the primary that has a shard's slot in a cluster, as clients of Sentinel follow one.

A client of one node does all that a shard needs, for its keys are in one slot: scripts,
transactions, WAIT, and RQ, none of which work with the clients that are made for clusters. So the
pools here are those of Sentinel, and nodes of the cluster are asked in place of Sentinels. A
connection to a node that the slot has left is closed, and the next one leads to the new node.

The question is a read of a key of the shard, which every program may read: a node that does not
have its slot answers with the address of the one that does.
"""

from time import monotonic
from typing import Any, cast

from redis import Redis as PlainRedis
from redis.asyncio import Redis as PlainAsyncRedis
from redis.asyncio.connection import SSLConnection as AsyncSslConnection
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncFollowingConnection
from redis.connection import SSLConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ConnectionError,  # noqa: A004 - Redis's own
    MovedError,
    NoPermissionError,
    RedisError,
)
from redis.sentinel import (
    MasterNotFoundError,
    SentinelConnectionPool,
    SentinelManagedConnection,
)

Address = tuple[str, int]

_RUMOUR_SECONDS = 1.0  # in which nodes tell one another that a slot has moved
_REFUSALS = (AuthenticationError, AuthorizationError, NoPermissionError)
_UNKNOWN_HOSTS = frozenset({"", "?"})  # a node that does not know its own name: that of the asked


class SlotMoved(ConnectionError):
    """The node no longer has the slot of the shard: it has not executed the command."""


class _Redirections:
    """The address to which a node of the cluster has last sent a command."""

    def __init__(self) -> None:
        self._moved_to: Address | None = None
        self._moved_at = 0.0

    def moved(self, moved: MovedError, host: str) -> Address:
        """Notes and returns the address to which a node on this host has sent a command."""
        self._moved_to, self._moved_at = _address(moved, host), monotonic()
        return self._moved_to

    def last_moved(self) -> Address | None:
        """Returns where a command was sent just now: other nodes may not know yet."""
        return self._moved_to if monotonic() - self._moved_at < _RUMOUR_SECONDS else None


class _Survey:
    """The answers of nodes, one after another, to the question who has the slot of a key.

    The primary is the last to learn that another has its slot. So while it is the one that answers,
    others are asked too.
    """

    def __init__(self) -> None:
        self._itself: Address | None = None
        self._refusal: RedisError | None = None

    def note(self, seed: PlainRedis | PlainAsyncRedis, error: RedisError | None) -> Address | None:
        """Notes the answer of a node; returns the address that it names, if it names another."""
        host, port = _place(seed)
        if isinstance(error, MovedError):
            return _address(error, host)
        if error is None or isinstance(error, AskError):  # in that case it is giving its slot away
            self._itself = self._itself or (host, port)
        elif isinstance(error, _REFUSALS):
            self._refusal = error
        return None

    def result(self) -> Address:
        """Returns the node that answered itself. Raises RedisError if none did."""
        if self._itself is not None:
            return self._itself
        raise self._refusal or MasterNotFoundError("No node of the cluster names the primary.")


class SlotNodes(_Redirections):
    """The nodes of a cluster, as a pool of Sentinel asks for a primary. `seeds` are in the URL."""

    def __init__(self, seeds: list[PlainRedis]) -> None:
        super().__init__()
        self.seeds = seeds

    def discover_master(self, key: str) -> Address:
        """Returns the address of the node that has the slot of a key.

        Raises RedisError if no node tells.
        """
        if moved_to := self.last_moved():
            return moved_to
        survey = _Survey()
        for seed in list(self.seeds):  # another thread may change the order meanwhile
            error = None
            try:
                seed.get(key)
            except RedisError as raised:
                error = raised
            if address := survey.note(seed, error):
                self.seeds.sort(key=lambda each: each is not seed)
                return address
        return survey.result()


class AsyncSlotNodes(_Redirections):
    """The same, for an event loop."""

    def __init__(self, seeds: list[PlainAsyncRedis]) -> None:
        super().__init__()
        self.seeds = seeds

    async def discover_master(self, key: str) -> Address:
        """Returns the address of the node that has the slot of a key.

        Raises RedisError if no node tells.
        """
        if moved_to := self.last_moved():
            return moved_to
        survey = _Survey()
        for seed in list(self.seeds):  # another task may change the order meanwhile
            error = None
            try:
                await seed.get(key)
            except RedisError as raised:
                error = raised
            if address := survey.note(seed, error):
                self.seeds.sort(key=lambda each: each is not seed)
                return address
        return survey.result()

    @property
    def sentinels(self) -> list[PlainAsyncRedis]:
        """Returns the clients that are to be closed with the pool's own."""
        return self.seeds


class PrimaryConnection(SentinelManagedConnection):
    """A connection to a primary that Sentinel names, closed when an answer is not read to its end.

    redis-py leaves it open, other than one whose address is known: the answer that a signal has
    kept a worker from reading would be that of its next command.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Reads an answer, by default with `disconnect_on_error`."""
        return super().read_response(*args, **{"disconnect_on_error": True, **options})


class SslPrimaryConnection(PrimaryConnection, SSLConnection):
    """The same, encrypted."""


class SlotConnection(PrimaryConnection):
    """A connection to the primary of a slot, which is closed when the slot has moved."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Reads an answer. Raises SlotMoved in place of MovedError, and is closed then."""
        try:
            return super().read_response(*args, **options)
        except MovedError as moved:
            self.disconnect()  # type: ignore[no-untyped-call]
            # Also for this connection, which opens again where it was when a command is repeated.
            self.host, self.port = self.connection_pool.sentinel_manager.moved(moved, self.host)
            raise SlotMoved("The slot of this shard has moved to another node.") from None


class SslSlotConnection(SlotConnection, SSLConnection):
    """The same, encrypted."""


class AsyncSlotConnection(AsyncFollowingConnection):
    """The same, for an event loop."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Reads an answer. Raises SlotMoved in place of MovedError, and is closed then."""
        try:
            return await super().read_response(*args, **options)
        except MovedError as moved:
            await self.disconnect()
            self.host, self.port = self.connection_pool.sentinel_manager.moved(moved, self.host)
            raise SlotMoved("The slot of this shard has moved to another node.") from None


class AsyncSslSlotConnection(AsyncSlotConnection, AsyncSslConnection):
    """The same, encrypted, for an event loop."""


def slot_pool(
    key: str, nodes: SlotNodes, options: dict[str, Any], *, is_tls: bool
) -> SentinelConnectionPool:
    """Returns a pool of connections to the primary that has the slot of a key."""
    connection = SslSlotConnection if is_tls else SlotConnection
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        key, nodes, connection_class=connection, **options
    )


def async_slot_pool(
    key: str, nodes: AsyncSlotNodes, options: dict[str, Any], *, is_tls: bool
) -> AsyncSentinelConnectionPool:
    """Returns the same, for an event loop."""
    connection = AsyncSslSlotConnection if is_tls else AsyncSlotConnection
    return AsyncSentinelConnectionPool(  # type: ignore[no-untyped-call]
        key, nodes, connection_class=connection, **options
    )


def all_nodes(seeds: list[PlainRedis]) -> list[Address]:
    """Returns the address of every node of a cluster that can be reached.

    Raises RedisError if no seed tells.
    """
    failure: RedisError = MasterNotFoundError("The URL names no node of a cluster.")
    for seed in seeds:
        try:
            reply = seed.execute_command("CLUSTER NODES")  # type: ignore[no-untyped-call]
        except RedisError as error:
            failure = error
            continue
        return [
            _host_and_port(node["hostname"], address, _place(seed)[0])
            for address, node in cast("dict[str, dict[str, Any]]", reply).items()
            if not {"noaddr", "handshake", "fail"} & set(node["flags"].split(","))
        ]
    raise failure


def _host_and_port(hostname: str, address: str, asked: str) -> Address:
    host, _, port = address.rpartition(":")
    return hostname or host or asked, int(port)


def _address(moved: MovedError, asked: str) -> Address:
    host, port = moved.node_addr
    return asked if host in _UNKNOWN_HOSTS else host, int(port)


def _place(seed: PlainRedis | PlainAsyncRedis) -> Address:
    options = seed.connection_pool.connection_kwargs
    return options["host"], options["port"]
