"""Writes what answers to all SDKs have in common: any page may read them, and overload is text.

An SDK in a browser calls from the app's own pages, which are of another origin; no cookie is ever
read, so a page learns nothing that its server would not. Adjust's SDKs take every answer in JSON
for final, errors too, and drop the event: what has to be sent again is refused in plain text.
"""

import msgspec

from ingest.dialects.dialect import RECEIPT, Reply
from shared.errors import RequestError, Unavailable, WaybillError
from shared.events import Event

ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_TEXT = {"Content-Type": "text/plain; charset=utf-8", **ANY_ORIGIN}
_TOO_MANY = 429

# The answer to the question of a browser whether a page of another origin may call.
PREFLIGHT = Reply(
    204,
    b"",
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "authorization, content-type, client-sdk",
        "Access-Control-Max-Age": "86400",
    },
)


def text_reply(text: str, event: Event | None = None, status: int = 200) -> Reply:
    """Answers with a bare text."""
    receipt = {} if event is None else {RECEIPT: str(event.receipt)}
    return Reply(status, text.encode(), {**receipt, **_TEXT})


def json_reply(body: object, event: Event | None = None, status: int = 200) -> Reply:
    """Answers with a JSON document."""
    receipt = {} if event is None else {RECEIPT: str(event.receipt)}
    return Reply(status, msgspec.json.encode(body), {**receipt, **ANY_ORIGIN})


def is_to_be_retried(error: WaybillError) -> bool:
    """Tells whether the same call may be accepted later."""
    return isinstance(error, Unavailable) or error.status == _TOO_MANY


def refusal(error: WaybillError, _: str | None = None) -> Reply:
    """Answers a refused call: in text, if it is to be sent again."""
    if is_to_be_retried(error):
        return text_reply(error.message, status=error.status)
    field = error.field if isinstance(error, RequestError) else None
    body = {"error": {"code": error.code, "field": field, "message": error.message}}
    return json_reply(body, status=error.status)
