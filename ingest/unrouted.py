"""Answers requests that find no endpoint: another path, or a method that is not served."""

from typing import Any

import falcon
from falcon.asgi import Request, Response

from ingest.dialects.swaarm.responses import error_reply
from ingest.request_log.rejections import RejectionLog
from ingest.telemetry.counts import EndpointCounts
from shared.clock import Clock
from shared.errors import MethodNotAllowed, RequestError, UnknownEndpoint
from shared.rejections import Rejection


class UnroutedRequests:
    """Error handlers of the application. The path is not logged: anything may be in it."""

    def __init__(self, rejections: RejectionLog, counts: EndpointCounts, now: Clock) -> None:
        self._rejections = rejections
        self._counts = counts
        self._now = now

    async def not_found(self, request: Request, response: Response, *_: Any) -> None:
        self._answer(request, response, UnknownEndpoint())

    async def method_not_allowed(
        self, request: Request, response: Response, error: falcon.HTTPMethodNotAllowed, *_: Any
    ) -> None:
        self._answer(request, response, MethodNotAllowed())
        response.set_headers(error.headers or {})

    def _answer(self, request: Request, response: Response, error: RequestError) -> None:
        reply = error_reply(error)
        response.status = reply.status
        response.data = reply.body
        self._counts.count_refused(error.status, error.code)
        self._rejections.add(
            Rejection(
                at_ms=self._now(),
                endpoint=request.uri_template or "",
                method=request.method,
                status=error.status,
                code=error.code,
                field=error.field,
                app_id=None,
                parameters={},
            )
        )
