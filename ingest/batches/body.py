"""Reads the body of a batch: its type, its compression, and never more bytes than the limit."""

from enum import Enum, auto

from ingest.batches.refusals import MalformedBody
from ingest.http.compression import ENCODINGS, BrokenGzip, inflate
from shared.errors import UnsupportedBody

BATCH_BYTES_MAX = 5_000_000  # as sent, and again when inflated


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
        case encoding if encoding in ENCODINGS:
            try:
                return inflate(body, BATCH_BYTES_MAX)
            except BrokenGzip as error:
                raise MalformedBody(str(error)) from error
        case _:
            raise UnsupportedBody("Compress the body by gzip, or not at all.", "Content-Encoding")
