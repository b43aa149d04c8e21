"""An ideal Falcon handler: all that the promise of ingest needs, and nothing else.

Falcon parses the query, an HMAC looks up the token, two fields are required, msgspec encodes the
parameters, and requests that arrive during a flush share the next: one XADD, fsynced by Redis.
There is no other check, no user, no metric and no log.
"""

import asyncio
import hmac
import os
import time
import uuid

import falcon
import msgspec
from falcon.asgi import App, Request, Response
from redis.asyncio import Redis

KEY = b"a key of the bench"
_encode = msgspec.msgpack.Encoder().encode


class Postback:
    """The handler, and the one flush at a time."""

    def __init__(self) -> None:
        token = os.environ["IDEAL_TOKEN"].encode()
        self._apps = {hmac.digest(KEY, token, "sha256"): 1}
        self._redis = Redis.from_url(os.environ["IDEAL_REDIS"])
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def on_get(self, request: Request, response: Response) -> None:
        parameters = dict(request.params)
        token = str(parameters.pop("s2s_token", "")).encode()
        app_id = self._apps.get(hmac.digest(KEY, token, "sha256"))
        if app_id is None:
            raise falcon.HTTPUnauthorized
        if not parameters.get("user_id") or not parameters.get("event_id"):
            raise falcon.HTTPBadRequest
        receipt = str(uuid.uuid4())
        event = _encode((receipt, app_id, time.time(), parameters))
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((event, stored))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await stored
        response.data = b'{"status":"ok","id":"%s"}' % receipt.encode()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            events = b"".join(event for event, _ in batch)
            await self._redis.xadd("ideal", {"n": len(batch), "e": events})
            for _, stored in batch:
                stored.set_result(None)
        self._flushing = None


def application() -> "App[Request, Response]":
    app: App[Request, Response] = App(media_type=falcon.MEDIA_JSON)
    app.add_route("/postback", Postback())
    return app
