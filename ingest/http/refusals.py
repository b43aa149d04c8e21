"""Defines the errors that a connection answers by itself, before a request reaches Falcon.

They belong to the tree of shared.errors and are answered in the same shape as every other error.
"""

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from shared.errors import RequestError, Unavailable, WaybillError

Headers = list[tuple[bytes, bytes]]

_RETRY_AFTER_SECONDS = 1


class MalformedRequest(RequestError):
    code = "malformed_request"

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(f"The request is not valid HTTP/1.1: {reason}.", field)


class RequestTimeout(RequestError):
    code = "request_timeout"
    status = 408

    def __init__(self) -> None:
        super().__init__("The request did not arrive in time. Send it again, without pauses.")


class UriTooLong(RequestError):
    code = "uri_too_long"
    status = 414

    def __init__(self, query_bytes_max: int) -> None:
        super().__init__(
            f"The query string may have {query_bytes_max} bytes. Send less data, or send a form."
        )


class TooManyPipelined(RequestError):
    code = "too_many_pipelined"
    status = 429

    def __init__(self, pipelined_requests_max: int) -> None:
        super().__init__(
            f"More than {pipelined_requests_max} requests wait on this connection. "
            "Read their answers, then send this one again."
        )


class HeadersTooLarge(RequestError):
    code = "headers_too_large"
    status = 431

    def __init__(self, headers_max: int, header_bytes_max: int) -> None:
        super().__init__(
            f"The header may have {headers_max} fields of {header_bytes_max} bytes each. "
            "Send less data in it."
        )


class TooManyConnections(Unavailable):
    code = "too_many_connections"

    def __init__(self) -> None:
        super().__init__("Too many connections are open. Reuse connections, or try again later.")


class ShuttingDown(Unavailable):
    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("This process is stopping. Send the request again.")


def encode_refusal(error: WaybillError, headers: Headers) -> bytes:
    """Encodes the whole answer, `headers` first; it announces that the connection closes."""
    field = error.field if isinstance(error, RequestError) else None
    body = {"error": {"code": error.code, "field": field, "message": error.message}}
    content = msgspec.json.encode(body)
    fields = [
        *headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    if error.status in {429, 503}:
        fields.append((b"retry-after", b"%d" % _RETRY_AFTER_SECONDS))
    lines = b"".join(b"%s: %s\r\n" % field for field in fields)
    return STATUS_LINE[error.status] + lines + b"\r\n" + content


def refusal_for(error: httptools.HttpParserError) -> WaybillError:
    """Returns the error that a callback raised, or one with the parser's own fixed message.

    Nothing that was received is in it.
    """
    if isinstance(error.__context__, WaybillError):
        return error.__context__
    if isinstance(error, httptools.HttpParserCallbackError):
        return MalformedRequest("its target cannot be read")
    return MalformedRequest(str(error))
