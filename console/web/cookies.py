"""The two cookies: the session's secret, and what the last change has to say."""

import re
from urllib.parse import quote, unquote

import falcon

from console.accounts.login_sessions import SESSION_DAYS_MAX

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_SAID_SECONDS_MAX = 60
_SAID_CHARACTERS_MAX = 500
_GONE_SECONDS = -1  # Falcon leaves a 0 out


def read_secret(request: falcon.Request, *, secure: bool) -> str | None:
    """None unless the browser holds one in the form that we give."""
    values = request.get_cookie_values(_name("waybill", secure=secure)) or []
    return values[0] if len(values) == 1 and _SECRET.fullmatch(values[0]) else None


def give_secret(response: falcon.Response, secret: str, *, secure: bool) -> None:
    response.set_cookie(
        _name("waybill", secure=secure),
        secret,
        max_age=SESSION_DAYS_MAX * 86_400,
        path="/",
        secure=secure,
        http_only=True,
        same_site="Lax",
    )


def read_flash(request: falcon.Request, *, secure: bool) -> str:
    values = request.get_cookie_values(_name("waybill_said", secure=secure)) or []
    return unquote(values[0])[:_SAID_CHARACTERS_MAX] if values else ""


def give_flash(response: falcon.Response, said: str, *, secure: bool) -> None:
    """An empty one takes the last one away."""
    response.set_cookie(
        _name("waybill_said", secure=secure),
        quote(said[:_SAID_CHARACTERS_MAX]),
        max_age=_SAID_SECONDS_MAX if said else _GONE_SECONDS,
        path="/",
        secure=secure,
        http_only=True,
        same_site="Lax",
    )


def _name(name: str, *, secure: bool) -> str:
    """The prefix makes a browser refuse one that another host or plain HTTP would plant."""
    return f"__Host-{name}" if secure else name
