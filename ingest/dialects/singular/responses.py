"""Writes Singular's answers: always 200, but for what is to be sent again; the body tells.

A sender tells by the words of `reason` whether to send again: never where it says that something is
missing or invalid. So each refusal here says one of the two.
"""

import re
from http import HTTPStatus

import msgspec

from ingest.dialects.dialect import RECEIPT, Reply
from shared.errors import (
    MalformedField,
    MissingField,
    RequestError,
    Unauthorized,
    UnknownDevice,
    WaybillError,
)
from shared.events import Event
from shared.tokens import TokenFault

KEY_NAME = "a"

_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR
_PLAIN = re.compile(r"[A-Za-z0-9_.\- ]{1,32}", re.ASCII)
_RULE = "must be Android, iOS, Web, PC, Xbox, Playstation, Nintendo, MetaQuest or CTV."


class InvalidPlatform(MalformedField):
    """A platform that Singular does not list."""

    code = "invalid_platform"

    def __init__(self, platform: str) -> None:
        super().__init__("p", _RULE)
        self.shown = platform if _PLAIN.fullmatch(platform) else ""


def ok_reply(event: Event) -> Reply:
    """Answers an accepted call."""
    return Reply(200, b'{"status":"ok"}', {RECEIPT: str(event.receipt)})


def error_reply(error: WaybillError, _: str | None = None) -> Reply:
    """Answers a refused call: by 200, unless it is to be sent again."""
    if error.status == HTTPStatus.TOO_MANY_REQUESTS or error.status >= _SERVER_ERROR:
        return _error(error.status, error.message)
    return _error(200, _reason(error))


def _error(status: int, reason: str) -> Reply:
    return Reply(status, msgspec.json.encode({"status": "error", "reason": reason}))


def _reason(error: WaybillError) -> str:
    match error:
        case MissingField(field=str(field)):
            return f"missing argument: {field}"
        case InvalidPlatform():
            return f"invalid platform: {error.shown}"
        case UnknownDevice():
            return "no device ID supplied"
        case Unauthorized():
            is_missing = error.fault is TokenFault.MISSING
            return f"{'missing' if is_missing else 'invalid'} argument: {KEY_NAME}"
        case RequestError(field=str(field)):
            return f"invalid argument: {field}. {error.message}"
        case _:
            return f"invalid request. {error.message}"
