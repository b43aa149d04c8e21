"""Marks requests whose sender left before the body was complete.

Falcon ends a body that its sender broke off as if it were complete, and a purchase of 4200 must not
become one of 42. A chunked body announces no length that could be checked, so this middleware marks
the scope of such a request, and `ingest.parameters.read_form` refuses it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

SENDER_LEFT = "waybill.left"  # key in the ASGI scope

AsgiScope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[AsgiScope, Receive, Send], Awaitable[None]]


class WholeBodies:
    """ASGI middleware that marks the scope of a request whose sender left too early."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def receive_and_mark() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "http.disconnect":
                scope[SENDER_LEFT] = True
            return message

        await self._application(scope, receive_and_mark, send)
