"""The web tier: checks the token, enqueues a job, answers."""

import os
import time
import uuid

import falcon
import psycopg
import redis
from falcon import App, Request, Response
from rq import Queue

from tests.bench.baseline.jobs import store

_QUEUE = Queue("baseline", connection=redis.Redis.from_url(os.environ["BASELINE_REDIS"]))


def _tokens() -> dict[str, int]:
    with psycopg.connect(os.environ["BASELINE_DATABASE"]) as connection:
        return dict(connection.execute("SELECT token, app_id FROM tokens"))


class Postback:
    def __init__(self) -> None:
        self._tokens = _tokens()

    def on_get(self, request: Request, response: Response) -> None:
        parameters = dict(request.params)
        app_id = self._tokens.get(str(parameters.pop("s2s_token", "")))
        if app_id is None:
            raise falcon.HTTPUnauthorized
        if not parameters.get("user_id") or not parameters.get("event_id"):
            raise falcon.HTTPBadRequest
        receipt = str(uuid.uuid4())
        _QUEUE.enqueue(
            store, receipt, app_id, time.time(), parameters, description="store", result_ttl=5
        )
        response.media = {"status": "ok", "id": receipt}


def application() -> "App[Request, Response]":
    app: App[Request, Response] = App()
    app.add_route("/postback", Postback())
    return app
