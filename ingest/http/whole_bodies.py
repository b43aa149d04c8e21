"""Marks requests whose sender left before the body was complete.

Falcon ends a body that its sender broke off as if it were complete, and a purchase of 4200 must not
become one of 42. A chunked body announces no length that could be checked, so this middleware marks
the scope of such a request, and `ingest.parameters.read_form` refuses it.
"""

from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any

SENDER_LEFT = "waybill.left"  # key in the ASGI scope

AsgiScope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

_BODY_HEADERS = frozenset((b"content-length", b"transfer-encoding"))
_name_of = itemgetter(0)


class WholeBodies:
    """ASGI middleware that marks the scope of a request whose sender left too early."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        """Passes a request on; one without a body, as most are, costs no coroutine more."""
        if scope["type"] != "http":
            return self._application(scope, receive, send)
        # ASGI promises iterables, which can perhaps be read once: Falcon is not the only reader.
        if not isinstance(scope["headers"], list):
            scope["headers"] = [tuple(header) for header in scope["headers"]]
        is_bare = scope["method"] == "GET" and _BODY_HEADERS.isdisjoint(
            map(_name_of, scope["headers"])
        )
        marking = receive if is_bare else _marking(scope, receive)
        return self._application(scope, marking, send)


def _marking(scope: AsgiScope, receive: Receive) -> Receive:
    async def receive_and_mark() -> dict[str, Any]:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope[SENDER_LEFT] = True
        return message

    return receive_and_mark
