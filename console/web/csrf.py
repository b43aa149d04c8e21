"""Reads forms and proves that they come from a page of this console shown to the same session."""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlsplit

import falcon

from console.web.page_errors import BadRequest, ForgedRequest
from console.web.values import FORM_BYTES_MAX, Values
from shared.keys.installation_key import accepted_keys

_CONTENT_TYPE = "application/octet-stream"
_FORM_TYPE = "application/x-www-form-urlencoded"


def csrf_token(secret_key: bytes, session_secret: str) -> str:
    return hmac.digest(secret_key, b"console form " + session_secret.encode(), sha256).hex()


def csrf_tokens(secret_key: bytes, session_secret: str) -> list[str]:
    """Returns the tokens of a session: while the key is being rotated, forms may have either."""
    return [csrf_token(key, session_secret) for key in accepted_keys(secret_key)]


def read_content(req: falcon.Request, console_url: str, tokens: Sequence[str]) -> bytes:
    """Reads bytes that a script of a page sent, with one of the session's tokens as a header.

    Raises BadRequest and ForgedRequest.
    """
    _require_own_origin(req, console_url)
    _require_token(req.get_header("X-CSRF-Token", default=""), tokens)
    if (req.content_type or "").strip().lower() != _CONTENT_TYPE:
        raise BadRequest("A piece of a file must be sent as application/octet-stream.")
    content = req.bounded_stream.read(FORM_BYTES_MAX + 1)
    if len(content) > FORM_BYTES_MAX:
        raise BadRequest(f"A piece of a file has at most {FORM_BYTES_MAX} bytes.")
    return content


def read_form(req: falcon.Request, console_url: str, tokens: Sequence[str]) -> Values:
    """Reads a form that has to carry one of the session's tokens.

    Raises BadRequest for what is not a form, and ForgedRequest.
    """
    _require_own_origin(req, console_url)
    body = req.bounded_stream.read(FORM_BYTES_MAX + 1)
    if len(body) > FORM_BYTES_MAX:
        raise BadRequest("The form is too large.")
    if body and (req.content_type or "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise BadRequest(f"Forms must be sent as {_FORM_TYPE}.")
    form = Values.parse(body)
    _require_token(form.get("csrf") or req.get_header("X-CSRF-Token", default=""), tokens)
    return form


def _require_own_origin(req: falcon.Request, console_url: str) -> None:
    # Every browser names the origin of a form; clients without an Origin still need the token.
    origin = req.get_header("Origin")
    own_hosts = {req.netloc, urlsplit(console_url).netloc}
    if origin is not None and urlsplit(origin).netloc not in own_hosts:
        raise ForgedRequest


def _require_token(sent: str, tokens: Sequence[str]) -> None:
    if not any(hmac.compare_digest(sent.encode(), token.encode()) for token in tokens):
        raise ForgedRequest
