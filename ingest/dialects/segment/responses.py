"""Writes Segment's answers: `{"success":true}`, and 400 for what is no JSON or too large.

Its libraries drop what is answered by any other 4xx, log `code` and `message`, and send again what
is answered by 429 or 5xx.
"""

import msgspec

from ingest.dialects.dialect import RECEIPT, Reply
from shared.errors import RequestError, WaybillError
from shared.events import Event

REJECTED = "Waybill-Rejected"

# Too large, or no JSON: Segment answers both by 400.
_UNREAD = frozenset({413, 415})
_SUCCESS = b'{"success":true}'


def ok_reply(event: Event) -> Reply:
    """Answers an accepted call."""
    return Reply(200, _SUCCESS, {RECEIPT: str(event.receipt)})


def batch_reply(rejected: int) -> Reply:
    """Answers a batch that was read; a header counts the calls of it that were not stored."""
    return Reply(200, _SUCCESS, {REJECTED: str(rejected)} if rejected else {})


def error_reply(error: WaybillError, _: str | None = None) -> Reply:
    """Answers a refused call."""
    body = {
        "success": False,
        "code": error.code,
        "field": error.field if isinstance(error, RequestError) else None,
        "message": error.message,
    }
    status = 400 if error.status in _UNREAD else error.status
    return Reply(status, msgspec.json.encode(body))
