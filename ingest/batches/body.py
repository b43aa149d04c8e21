"""Reads the body of a batch: its type, its compression, and never more bytes than the limit."""

import zlib
from enum import Enum, auto

from ingest.batches.refusals import MalformedBody
from shared.errors import RequestTooLarge, UnsupportedBody

BATCH_BYTES_MAX = 5_000_000  # as sent, and again when inflated

_GZIP_ONLY = 31  # for zlib: a gzip header, and the largest window
_MEMBERS_MAX = 1_000  # parts of one gzip body, each with a header of its own


class BodyForm(Enum):
    """The form of a body: one JSON value, or a JSON value a line."""

    JSON = auto()
    LINES = auto()


_FORMS = {
    "application/json": BodyForm.JSON,
    "application/x-ndjson": BodyForm.LINES,
    "application/ndjson": BodyForm.LINES,
    "application/jsonl": BodyForm.LINES,
}


def form_of(content_type: str | None) -> BodyForm:
    """Returns the form that a Content-Type announces. Raises UnsupportedBody."""
    form = _FORMS.get((content_type or "").partition(";")[0].strip().lower())
    if form is None:
        raise UnsupportedBody("The body must be application/json or application/x-ndjson.")
    return form


def plain_body(body: bytes, content_encoding: str | None) -> bytes:
    """Returns the body without its compression.

    Raises UnsupportedBody, MalformedBody, RequestTooLarge.
    """
    match (content_encoding or "identity").strip().lower():
        case "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflated(body)
        case _:
            raise UnsupportedBody("Compress the body by gzip, or not at all.", "Content-Encoding")


def _inflated(body: bytes) -> bytes:
    """Inflates all members of a gzip body, and stops at the limit: a bomb costs no memory."""
    parts, size_bytes = [], 0
    for _ in range(_MEMBERS_MAX):
        inflater = zlib.decompressobj(_GZIP_ONLY)
        try:
            part = inflater.decompress(body, BATCH_BYTES_MAX + 1 - size_bytes)
        except zlib.error as error:
            raise MalformedBody("The body is not valid gzip. Send it again, or plain.") from error
        size_bytes += len(part)
        if size_bytes > BATCH_BYTES_MAX:
            raise RequestTooLarge(BATCH_BYTES_MAX)
        if not inflater.eof:
            raise MalformedBody("The gzip body ends too early. Send the whole of it.")
        parts.append(part)
        body = inflater.unused_data
        if not body:
            return b"".join(parts)
    raise MalformedBody(f"The gzip body has more than {_MEMBERS_MAX} members. Send it as one.")
