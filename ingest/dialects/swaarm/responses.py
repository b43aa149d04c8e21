"""Swaarm's answers. Its page fixes the codes 200, 400, 401 and 404 and the body `{"id":…}`."""

import msgspec

from ingest.dialects.dialect import Reply
from shared.errors import RequestError, WaybillError
from shared.events import Event

RECEIPT = "Waybill-Receipt"

# An id that a cache gave to two visitors would make them one.
_EACH_ITS_OWN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Swaarm's SDK for the web asks from the app's own pages, which are of another origin. No cookie is
# ever read, so a page learns nothing that its server would not.
_ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
_SENT_ON = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def accepted(event: Event) -> Reply:
    receipt = str(event.receipt)
    body = b'{"status":"ok","id":"%s"}' % receipt.encode()
    return Reply(200, body, {RECEIPT: receipt})


def click_id_answer(event: Event) -> Reply:
    """`{"id":"<click id>"}`, exactly."""
    assert event.click_id is not None
    body = b'{"id":"%s"}' % event.click_id.encode()
    return Reply(200, body, {RECEIPT: str(event.receipt), **_EACH_ITS_OWN, **_ANY_PAGE})


def sent_on(address: str, receipt: str | None = None) -> Reply:
    """A redirect that no cache keeps, and that does not tell the destination where it was."""
    receipts = {} if receipt is None else {RECEIPT: receipt}
    return Reply(302, b"", {"Location": address, **receipts, **_SENT_ON})


def refused(error: WaybillError, _: str | None = None) -> Reply:
    """`{"error":{"code":…,"field":…,"message":…}}`"""
    field = error.field if isinstance(error, RequestError) else None
    body = {"error": {"code": error.code, "field": field, "message": error.message}}
    return Reply(error.status, msgspec.json.encode(body))
