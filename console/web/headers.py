"""Adds security headers to every response: what browsers may load, and that nobody may embed it."""

import falcon

# Nothing inline and nothing from elsewhere: markup injected into a page has no effect.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer, browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_STRICT_TRANSPORT = "max-age=31536000"


class SafeHeaders:
    """Falcon middleware that adds each header unless the response has set it itself."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def process_response(
        self,
        _request: falcon.Request,
        response: falcon.Response,
        _resource: object,
        _succeeded: bool,
    ) -> None:
        for name, value in HEADERS.items():
            if response.get_header(name) is None:
                response.set_header(name, value)
        if response.get_header("Cache-Control") is None:
            response.set_header("Cache-Control", "no-store")
        if self._secure:
            response.set_header("Strict-Transport-Security", _STRICT_TRANSPORT)
