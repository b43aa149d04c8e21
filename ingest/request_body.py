"""Reads the body of a request: a form, or one JSON document.

curl and many libraries announce a JSON document as a form unless they are told otherwise. A form
whose only name would be a JSON document is therefore read as one.
"""

import re
from typing import NamedTuple

from falcon.asgi import Request

from ingest.http.compression import ENCODINGS, MAGIC, BrokenGzip, inflate
from ingest.http.whole_bodies import SENDER_LEFT
from ingest.sent_pairs import SentPair, json_pairs, unescape
from shared.errors import IncompleteBody, MalformedField, RequestTooLarge, UnsupportedBody

REQUEST_BYTES_MAX = 65_536

_FORM = "application/x-www-form-urlencoded"
_JSON = re.compile(r"application/(?:json|[\w.+-]+\+json)|text/json")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ESCAPED_DOCUMENT = re.compile(rb"\s*%7[Bb](?:%22|%7[Dd]|%0[AaDd9]|%20|[+\s])")
_DOCUMENT = re.compile(rb'\s*\{\s*["}]')


class RequestBody(NamedTuple):
    """The form of a request as it was sent, or the pairs of a JSON document."""

    form: bytes = b""
    document: tuple[SentPair, ...] = ()
    size_bytes: int = 0


NO_BODY = RequestBody()


async def read_parameters_body(
    request: Request, query_bytes: int, request_bytes_max: int = REQUEST_BYTES_MAX
) -> RequestBody:
    """Reads a body of parameters, which is empty when there is none.

    Falcon ends a body that its sender broke off as if it were complete; a purchase of 4200 must not
    become one of 42. So a length that was announced is checked, and for a chunked body the mark
    that `WholeBodies` leaves. Raises RequestTooLarge (query and body together), IncompleteBody,
    UnsupportedBody, MalformedField, ConflictingValues.
    """
    announced = request.content_length
    if not announced and (announced == 0 or not request.get_header("Transfer-Encoding")):
        return NO_BODY
    body = await read_body(request, request_bytes_max - query_bytes, request_bytes_max)
    size_bytes = len(body)
    encoding = request.get_header("Content-Encoding")
    # Some senders announce what they did not do: what is no gzip is read as it is.
    if encoding and encoding.strip().lower() in ENCODINGS and body.startswith(MAGIC):
        try:
            body = inflate(body, request_bytes_max - query_bytes)
        except BrokenGzip as error:
            raise MalformedField("body", "is not valid gzip. Send it again, or plain.") from error
    return parsed_body(body, request.content_type)._replace(size_bytes=size_bytes)


async def read_body(request: Request, body_bytes_max: int, request_bytes_max: int) -> bytes:
    """Reads a whole body. Raises RequestTooLarge, which names the second limit; IncompleteBody."""
    announced = request.content_length
    if announced is not None and announced > body_bytes_max:
        raise RequestTooLarge(request_bytes_max)
    body: bytes = await request.stream.read(body_bytes_max + 1)
    if len(body) > body_bytes_max:
        raise RequestTooLarge(request_bytes_max)
    if request.scope.get(SENDER_LEFT) or (announced is not None and len(body) != announced):
        raise IncompleteBody
    return body


def parsed_body(body: bytes, content_type: str | None) -> RequestBody:
    """Tells a form from a JSON document. Raises UnsupportedBody, MalformedField."""
    if not body:
        return NO_BODY
    # Senders that post without a content type mean a form, or a JSON document.
    media_type = (content_type or _FORM).partition(";")[0].strip().lower()
    if _JSON.fullmatch(media_type):
        document = body.removeprefix(_BYTE_ORDER_MARK).strip()
        return RequestBody(document=tuple(json_pairs(document)) if document else ())
    if media_type != _FORM:
        raise UnsupportedBody
    plain = body.removeprefix(_BYTE_ORDER_MARK)
    if _ESCAPED_DOCUMENT.match(plain):
        plain = unescape(plain.removesuffix(b"="))
    if not _DOCUMENT.match(plain):
        return RequestBody(body)
    # Some libraries write a form's name without a value with the sign all the same.
    return RequestBody(document=tuple(json_pairs(plain.strip().removesuffix(b"="))))
