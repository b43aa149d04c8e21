"""FastAPI that has one function of PostgreSQL do everything, a transaction an event."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import msgspec
from fastapi import FastAPI, Request, Response

from tests.bench.rivals.tokens import app_of

_CONNECTIONS = 10
_encode = msgspec.json.Encoder().encode


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["RIVAL_DATABASE"], min_size=_CONNECTIONS, max_size=_CONNECTIONS
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/postback")
async def postback(request: Request) -> Response:
    parameters = dict(request.query_params)
    app_id, receipt = app_of(parameters), uuid4()
    await request.app.state.pool.execute(
        "SELECT store_event($1, $2, $3, $4, $5, $6, $7)",
        receipt,
        app_id,
        parameters["user_id"],
        parameters["event_id"],
        parameters.get("gaid"),
        datetime.now(UTC),
        _encode(parameters).decode(),
    )
    return Response(
        b'{"status":"ok","id":"%s"}' % str(receipt).encode(), media_type="application/json"
    )
