"""Reads and sets the cookies.

They hold the session's secret, the mark of the browser, the environment that was looked at last,
and the flash message.
"""

import re
from urllib.parse import quote, unquote

import falcon

from console.accounts.login_sessions import SESSION_DAYS_MAX
from console.accounts.provider.begun_sign_ins import MINUTES_MAX, SEALED_CHARACTERS_MAX
from shared.events import Environment

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_BROWSER = re.compile(r"[0-9a-f]{96}")
_BROWSER_COOKIE = "waybill_browser"
_BROWSER_DAYS_MAX = 180
_BEGUN = re.compile(rf"[A-Za-z0-9_.-]{{1,{SEALED_CHARACTERS_MAX}}}")
_BEGUN_COOKIE = "waybill_begun"
_ENVIRONMENT_COOKIE = "waybill_environment"
_FLASH_COOKIE = "waybill_said"
_FLASH_SECONDS_MAX = 60
_FLASH_CHARACTERS_MAX = 500
_EXPIRED_SECONDS = -1  # Falcon omits a max-age of 0


def read_secret(request: falcon.Request, *, secure: bool) -> str | None:
    """Returns the session's secret, or None unless the cookie has the form that we set."""
    values = request.get_cookie_values(_name("waybill", secure=secure)) or []
    return values[0] if len(values) == 1 and _SECRET.fullmatch(values[0]) else None


def set_secret(response: falcon.Response, secret: str, *, secure: bool) -> None:
    _set(response, "waybill", secret, SESSION_DAYS_MAX * 86_400, secure=secure)


def read_browser(request: falcon.Request, *, secure: bool) -> str:
    """Returns the mark of a browser in which somebody has signed in before, or ""."""
    values = request.get_cookie_values(_name(_BROWSER_COOKIE, secure=secure)) or []
    return values[0] if len(values) == 1 and _BROWSER.fullmatch(values[0]) else ""


def set_browser(response: falcon.Response, mark: str, *, secure: bool) -> None:
    _set(response, _BROWSER_COOKIE, mark, _BROWSER_DAYS_MAX * 86_400, secure=secure)


def read_begun(request: falcon.Request, *, secure: bool) -> str:
    """Returns what this browser keeps of a sign-in by a provider that it has begun, or ""."""
    values = request.get_cookie_values(_name(_BEGUN_COOKIE, secure=secure)) or []
    return values[0] if len(values) == 1 and _BEGUN.fullmatch(values[0]) else ""


def set_begun(response: falcon.Response, sealed: str, *, secure: bool) -> None:
    """Has the browser keep a sign-in by a provider for minutes; an empty one removes it."""
    seconds = MINUTES_MAX * 60 if sealed else _EXPIRED_SECONDS
    _set(response, _BEGUN_COOKIE, sealed, seconds, secure=secure)


def read_environment(request: falcon.Request, *, secure: bool) -> Environment:
    """Returns the environment that was looked at last in this browser."""
    values = request.get_cookie_values(_name(_ENVIRONMENT_COOKIE, secure=secure)) or []
    is_sandbox = values == [Environment.SANDBOX]
    return Environment.SANDBOX if is_sandbox else Environment.PRODUCTION


def remember_environment(
    response: falcon.Response, environment: str, remembered: str, *, secure: bool
) -> None:
    """Remembers an environment, if it is one and another, until the browser is closed."""
    if environment == remembered or environment not in set(Environment):
        return
    _set(response, _ENVIRONMENT_COOKIE, environment, None, secure=secure)


def read_flash(request: falcon.Request, *, secure: bool) -> str:
    values = request.get_cookie_values(_name(_FLASH_COOKIE, secure=secure)) or []
    return unquote(values[0])[:_FLASH_CHARACTERS_MAX] if values else ""


def set_flash(response: falcon.Response, flash: str, *, secure: bool) -> None:
    """Sets the message; an empty one removes the previous one."""
    seconds = _FLASH_SECONDS_MAX if flash else _EXPIRED_SECONDS
    _set(response, _FLASH_COOKIE, quote(flash[:_FLASH_CHARACTERS_MAX]), seconds, secure=secure)


def _set(
    response: falcon.Response, name: str, value: str, seconds_max: int | None, *, secure: bool
) -> None:
    """Sets a cookie that no script reads; without `seconds_max` until the browser is closed."""
    response.set_cookie(
        _name(name, secure=secure),
        value,
        max_age=seconds_max,
        path="/",
        secure=secure,
        http_only=True,
        same_site="Lax",
    )


def _name(name: str, *, secure: bool) -> str:
    """Adds `__Host-`: browsers refuse such a cookie from another host or over plain HTTP."""
    return f"__Host-{name}" if secure else name
