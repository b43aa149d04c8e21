"""Sends requests to an identity provider: within limits, to where an operator has pointed.

The issuer may be internal, so no network is refused; what is called is the issuer that the settings
name, and what its own document names. Redirects are not followed: none of these calls has one.
"""

import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from shared.accounts.account_settings import is_safe_issuer
from shared.errors import WaybillError

SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 262_144
_PIECE_BYTES = 65_536


class ProviderUnavailable(WaybillError):
    """The identity provider does not answer, or not as the protocol has it."""

    code = "provider_unavailable"
    status = 503

    def __init__(self, reason: str) -> None:
        super().__init__(f"The sign-in service cannot be used now: {reason}.")


class _NoRedirects(HTTPRedirectHandler):
    """A handler that makes an error of every redirect."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirects)


def call(url: str, headers: Mapping[str, str], body: bytes | None = None) -> dict[str, Any]:
    """Returns the JSON object that an address answers with. Raises ProviderUnavailable."""
    if not is_safe_issuer(url):
        raise ProviderUnavailable(f"it names an address without https ({urlsplit(url).netloc})")
    request = Request(url, body, {"Accept": "application/json", **headers})  # noqa: S310 - checked
    ends_at, answer = time.monotonic() + SECONDS_MAX, b""
    try:
        with _OPENER.open(request, timeout=SECONDS_MAX) as response:
            while piece := response.read1(_PIECE_BYTES):
                answer += piece
                if len(answer) > ANSWER_BYTES_MAX or time.monotonic() > ends_at:
                    raise ProviderUnavailable("its answer is too long")
    except HTTPError as error:
        raise ProviderUnavailable(f"it answered {error.code}") from None
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else type(error).__name__
        raise ProviderUnavailable(f"it does not answer ({reason})") from None
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise ProviderUnavailable("its answer is no JSON object") from None
