"""The body of a request: a form, whole, and within the limit.

Falcon ends a body that its sender broke off as if it were complete; a purchase of 4200 must not
become one of 42. So a length that was announced is checked, and for a chunked body `WholeBodies`
marks the request when its sender left early.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from falcon.asgi import Request

from shared.errors import IncompleteBody, RequestTooLarge, UnsupportedBody

REQUEST_BYTES_MAX = 65_536
_FORM = "application/x-www-form-urlencoded"
_LEFT = "waybill.left"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_form(
    request: Request, query_bytes: int, request_bytes_max: int = REQUEST_BYTES_MAX
) -> bytes:
    """The form, empty when there is none.

    Raises RequestTooLarge (query and form together), IncompleteBody, UnsupportedBody.
    """
    announced = request.content_length
    if not announced and (announced == 0 or not request.get_header("Transfer-Encoding")):
        return b""
    bytes_max = request_bytes_max - query_bytes
    if announced is not None and announced > bytes_max:
        raise RequestTooLarge(request_bytes_max)
    body: bytes = await request.stream.read(bytes_max + 1)
    if len(body) > bytes_max:
        raise RequestTooLarge(request_bytes_max)
    if request.scope.get(_LEFT) or (announced is not None and len(body) != announced):
        raise IncompleteBody
    if body and not _is_form(request):
        raise UnsupportedBody
    return body


def _is_form(request: Request) -> bool:
    # Senders that post without a content type mean a form: there is nothing else to mean here.
    content_type = request.content_type
    return not content_type or content_type.partition(";")[0].strip().lower() == _FORM


class WholeBodies:
    """ASGI: marks the scope of a request whose sender left before the body was complete."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def watched() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "http.disconnect":
                scope[_LEFT] = True
            return message

        await self._application(scope, watched, send)
