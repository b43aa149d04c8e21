"""Writes Swaarm's answers.

Its page fixes the status codes 200, 400, 401 and 404 and the body `{"id":…}`.
"""

from collections.abc import Mapping

import msgspec

from ingest.dialects.dialect import RECEIPT, Reply
from shared.destinations import address_for
from shared.errors import RequestError, WaybillError
from shared.events import Event
from shared.ids import receipt_text

# An id that a cache gave to two visitors would make them one.
_NO_CACHE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Swaarm's SDK for the web calls from the app's own pages, which are of another origin. No cookie is
# ever read, so a page learns nothing that its server would not.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_REDIRECT = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def receipt_reply(event: Event) -> Reply:
    """Answers with the receipt of an accepted event, in body and header."""
    receipt = receipt_text(event.receipt)
    body = b'{"status":"ok","id":"%s"}' % receipt.encode()
    return Reply(200, body, {RECEIPT: receipt})


def click_id_reply(event: Event) -> Reply:
    """Answers with `{"id":"<click id>"}`, exactly."""
    assert event.click_id is not None
    body = b'{"id":"%s"}' % event.click_id.encode()
    return Reply(200, body, {RECEIPT: receipt_text(event.receipt), **_NO_CACHE, **_ANY_ORIGIN})


def click_redirect(destination: str, event: Event) -> tuple[Reply, Reply]:
    """Returns the redirect of a stored click, and of one that is lost: it has no receipt.

    Neither is cached, nor does it tell the destination where the person was.
    """
    macro_values: Mapping[str, str] = {"click_id": event.click_id or ""}
    if "{" in destination:
        macro_values = {
            **event.parameters,
            **event.device_ids,
            **macro_values,
            "user_ip": event.ip_address or "",
            "user_ua": event.user_agent or "",
        }
    headers = {"Location": address_for(destination, macro_values), **_REDIRECT}
    stored = {RECEIPT: receipt_text(event.receipt), **headers}
    return Reply(302, b"", stored), Reply(302, b"", headers)


def error_reply(error: WaybillError, _: str | None = None) -> Reply:
    """Answers with `{"error":{"code":…,"field":…,"message":…}}`."""
    field = error.field if isinstance(error, RequestError) else None
    body = {"error": {"code": error.code, "field": field, "message": error.message}}
    return Reply(error.status, msgspec.json.encode(body))
