"""Reads forms and proves that they come from a page of this console shown to the same session."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

import falcon

from console.web.page_errors import BadRequest, ForgedRequest
from console.web.values import FORM_BYTES_MAX, Values

_FORM_TYPE = "application/x-www-form-urlencoded"


def csrf_token(secret_key: bytes, session_secret: str) -> str:
    return hmac.digest(secret_key, b"console form " + session_secret.encode(), sha256).hex()


def read_form(req: falcon.Request, console_url: str, token: str) -> Values:
    """Reads a form that has to carry the session's token.

    Raises BadRequest for what is not a form, and ForgedRequest.
    """
    # Every browser names the origin of a form; clients without an Origin still need the token.
    origin = req.get_header("Origin")
    own_hosts = {req.netloc, urlsplit(console_url).netloc}
    if origin is not None and urlsplit(origin).netloc not in own_hosts:
        raise ForgedRequest
    body = req.bounded_stream.read(FORM_BYTES_MAX + 1)
    if len(body) > FORM_BYTES_MAX:
        raise BadRequest("The form is too large.")
    if body and (req.content_type or "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise BadRequest(f"Forms must be sent as {_FORM_TYPE}.")
    form = Values.parse(body)
    sent_token = form.get("csrf") or req.get_header("X-CSRF-Token", default="")
    if not hmac.compare_digest(sent_token.encode(), token.encode()):
        raise ForgedRequest
    return form
