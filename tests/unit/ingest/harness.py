"""Runs ingest in one process: the whole application on a Redis in memory, driven as ASGI.

`TellingRedis` adds what fakeredis lacks: INFO and CONFIG GET, answered from plain values.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from falcon.testing import ASGIConductor, Result, create_scope

from ingest.app import Parts, assemble, create_app
from ingest.http.whole_bodies import Application
from shared.events import Event
from shared.inbox import read_entry
from shared.redis import stream_entries
from shared.shards.snapshot_parts import split, write_snapshot
from shared.snapshot import Snapshot
from shared.tally import Tally
from tests.support.build import TOKEN, now, settings, snapshot
from tests.support.fake_redis import FakeAsyncRedis, FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.loop import until

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
POSTBACK = f"s2s_token={TOKEN}&user_id=0000-AAAA-BBBB-CCCC&event_id=register"


class TellingRedis(FakeAsyncRedis):
    """A Redis in memory that reports `configuration` and `sections` about itself."""

    def __init__(self, server: FakeServer) -> None:
        super().__init__(server=server)
        self.server = server
        self.configuration: dict[str, str] = dict(DURABLE)
        self.sections: dict[str, dict[str, Any]] = {
            "memory": {"used_memory": 1_000_000, "maxmemory": 0},
            "persistence": {"aof_last_write_status": "ok"},
        }

    async def info(self, section: str | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        await self.ping()
        return self.sections[section or "memory"]

    async def config_get(self, pattern: Any = "*", *_: Any, **__: Any) -> Any:
        await self.ping()
        return {name: value for name, value in self.configuration.items() if name == pattern}


@dataclass
class Running:
    application: Application
    conductor: ASGIConductor
    parts: Parts
    redis: FakeStrictRedis
    telling: TellingRedis

    async def get(self, query: str = POSTBACK, **options: Any) -> Result:
        return await self.conductor.simulate_get("/postback", query_string=query, **options)

    async def post(self, query: str = "", form: str | bytes = "", **options: Any) -> Result:
        options.setdefault("headers", {"Content-Type": "application/x-www-form-urlencoded"})
        return await self.conductor.simulate_post(
            "/postback", query_string=query, body=form, **options
        )

    async def batch(
        self, events: object, query: str = "", token: str = TOKEN, **headers: str
    ) -> Result:
        """Posts a batch: bytes as they are, anything else as JSON. Underscores in names of header
        fields stand for hyphens.
        """
        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.conductor.simulate_post(
            "/batch",
            query_string=query,
            body=events if isinstance(events, bytes) else json.dumps(events).encode(),
            headers=fields,
        )

    def stored(self) -> list[Event]:
        return stored(self.redis)

    async def lose_redis(self) -> None:
        """Disconnects between commands: within one, fakeredis raises errors Redis never would."""
        await self.parts.writer.close()
        self.telling.server.connected = False

    def find_redis(self) -> None:
        self.telling.server.connected = True


@dataclass
class Sent:
    """The answer of the application to a request that was fed to it message by message."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int | None:
        return next((m["status"] for m in self.messages if "status" in m), None)


@asynccontextmanager
async def running(
    published: Snapshot | None = None, *, clock: Callable[[], int] = now, **variables: str
) -> AsyncIterator[Running]:
    """Runs it until it is ready: with the snapshot loaded and Redis found durable."""
    server = FakeServer()
    telling, redis = TellingRedis(server), FakeStrictRedis(server=server)
    publish(redis, published or snapshot())
    parts = assemble(settings(**variables), telling, redis, clock, Tally())
    application = create_app(parts)
    async with ASGIConductor(application) as conductor:
        await until(lambda: parts.gate.reachable and parts.gate.durable)
        yield Running(application, conductor, parts, redis, telling)


def publish(redis: FakeStrictRedis, published: Snapshot) -> None:
    write_snapshot(redis, split(published))


def stored(redis: FakeStrictRedis) -> list[Event]:
    """Returns every event in the inbox."""
    entries = stream_entries(redis.xrange(NAMES.inbox))
    return [
        event for entry_id, fields in entries for event in read_entry(entry_id, fields, 1).events()
    ]


async def fed(application: Application, messages: Iterable[dict[str, Any]], **request: Any) -> Sent:
    """Feeds a request message by message; `request` goes into its scope."""
    request.setdefault("query_string", POSTBACK)
    scope: dict[str, Any] = create_scope("/postback", **request)
    waiting, sent = iter(messages), Sent()

    async def receive() -> dict[str, Any]:
        return next(waiting, {"type": "http.disconnect"})

    await application(scope, receive, sent)
    return sent
