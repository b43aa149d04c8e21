"""Writes AppsFlyer's answers: plain text, as its pages print them.

Where no published text fits, the error's own message follows "Bad request".
"""

from http import HTTPStatus

from ingest.dialects.dialect import RECEIPT, Reply
from shared.errors import (
    MalformedField,
    MissingField,
    RequestTooLarge,
    Unauthorized,
    WaybillError,
)
from shared.events import Event
from shared.tokens import TokenFault

_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_NOT_PARSED = "Payload is missing or failed to parse"


def ok_reply(event: Event) -> Reply:
    """Answers an accepted event."""
    return Reply(200, b"OK", {RECEIPT: str(event.receipt), **_TEXT})


def error_reply(error: WaybillError, _: str | None) -> Reply:
    """Answers a refused event. A key that may not send this is told apart from a wrong one."""
    status, text = error.status, f"Bad request. {error.message}"
    if isinstance(error, Unauthorized):
        may_not = error.fault is TokenFault.SCOPE
        status, text = (401, "Unauthorized") if may_not else (400, "Failed to Authenticate")
    elif isinstance(error, MissingField):
        text = f"{error.field} is a mandatory field"
    elif isinstance(error, RequestTooLarge) or (
        isinstance(error, MalformedField) and error.field == "body"
    ):
        status, text = 400, _NOT_PARSED
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        text = error.message
    return Reply(status, text.encode(), _TEXT)
