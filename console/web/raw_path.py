"""Restores what WSGI hides of a request: slashes inside the parts of its path, and its HEAD.

A server hands over a path unescaped, and so `users/a%2Fb` and `users/a/b` are one. An ID may have
any character; for the API the parts are taken from the path as it was sent.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

import falcon

API = "/api/"
_SLASH = "\0"  # stands for a slash inside a part, for no ID may have it
_HEAD = "head"


class RawPaths:
    """A middleware that keeps the parts of an API path apart, and serves HEAD as GET without body.

    The one that is added last sees the answer first.
    """

    def process_request(self, request: falcon.Request, _response: falcon.Response) -> None:
        """Runs before the route is found."""
        raw = urlsplit(request.env.get("RAW_URI", "")).path
        if raw.startswith(API) and "%2f" in raw.lower():
            parts = (unquote(part).replace("/", _SLASH) for part in raw.split("/"))
            request.path = "/".join(parts)
        if request.method == "HEAD":
            request.method = "GET"
            request.context[_HEAD] = True

    def process_response(
        self, request: falcon.Request, _response: falcon.Response, *_: object
    ) -> None:
        """Runs before the body is sent, which Falcon leaves out of an answer to HEAD."""
        if request.context.get(_HEAD):
            request.method = "HEAD"


def with_slashes(names: dict[str, Any]) -> dict[str, Any]:
    """Returns what a path names with the slashes that were inside."""
    return {
        name: value.replace(_SLASH, "/") if isinstance(value, str) else value
        for name, value in names.items()
    }
