"""FastAPI that stores events by COPY: requests that arrive during a commit share the next."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec
from fastapi import FastAPI, Request, Response

from tests.bench.rivals.tokens import app_of

_encode = msgspec.json.Encoder().encode
Row = tuple[UUID, int, str, str, datetime, str]


class Storage:
    """The rows that wait, and the one transaction at a time that stores them."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def store(self, row: Row) -> None:
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((row, stored))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        await stored

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._connection.copy_records_to_table(
                "rival_events", records=[row for row, _ in batch]
            )
            for _, stored in batch:
                stored.set_result(None)
        self._committing = None


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    connection = await asyncpg.connect(os.environ["RIVAL_DATABASE"])
    app.state.storage = Storage(connection)
    yield
    await connection.close()


app = FastAPI(lifespan=_lifespan)


@app.get("/postback")
async def postback(request: Request) -> Response:
    parameters = dict(request.query_params)
    app_id, receipt = app_of(parameters), uuid4()
    user_id, event_id = parameters["user_id"], parameters["event_id"]
    body = _encode(parameters).decode()
    storage: Storage = request.app.state.storage
    await storage.store((receipt, app_id, user_id, event_id, datetime.now(UTC), body))
    return Response(
        b'{"status":"ok","id":"%s"}' % str(receipt).encode(), media_type="application/json"
    )
