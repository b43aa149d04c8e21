"""Writes Adjust's answers, byte for byte as its pages print them.

Where no published message fits, the error's own message is used instead, in the same frame.
"""

import msgspec

from ingest.dialects.dialect import RECEIPT, Reply
from shared.device_ids import adid_of
from shared.errors import (
    BadEventState,
    DeviceForgotten,
    MalformedField,
    MissingField,
    RequestTooLarge,
    Unauthorized,
    UnknownApp,
    UnknownDevice,
    WaybillError,
)
from shared.events import Event
from shared.fields import iso_time
from shared.ids import receipt_text
from shared.tokens import TokenFault

_OK = b'{"status":"OK"}'
# Message, and when to ask again, in milliseconds.
_INSTALL = b'"message":"Install tracked","ask_in":2000}'
_SESSION = b'"message":"Session tracked","ask_in":5000}'
_DUPLICATE = "Ignoring event, earlier unique event tracked"

_MESSAGES: dict[type[WaybillError], str] = {
    Unauthorized: "Failed to authorize request",
    UnknownApp: "App token not found",
    UnknownDevice: "Device not found",
    RequestTooLarge: "Request size too large",
    DeviceForgotten: "Device is opted out",
}
_FIELD_MESSAGES = {
    "app_token": "Invalid app token",
    "event_token": "Invalid event token",
    "revenue": "Invalid revenue",
    "currency": "Invalid revenue",
    "callback_params": "Invalid callback parameters",
}
_TIMES = ("created_at_unix", "created_at")
_AD_REVENUE_TOKENS = {TokenFault.MISSING: "missing authentication token"}
_AD_REVENUE_TOKEN = "wrong authentication token"  # noqa: S105 - as its page prints it


def ok_reply(event: Event) -> Reply:
    """Answers an accepted event."""
    return Reply(200, _OK, {RECEIPT: receipt_text(event.receipt)})


def duplicate_reply(event: Event) -> Reply:
    """Answers a unique event that its user has had before: stored, and not counted."""
    headers = {RECEIPT: receipt_text(event.receipt)}
    return Reply(400, _failure("Event request failed", _DUPLICATE), headers)


def plain_reply(_: Event) -> Reply:
    """Answers a request about the data of a device: nothing was stored that has a receipt."""
    return Reply(200, _OK)


def forget_error_reply(error: WaybillError, _: str | None) -> Reply:
    """Answers a refused request to forget a device."""
    return Reply(error.status, _failure("Forget device request failed", _message(error)))


def sharing_error_reply(error: WaybillError, _: str | None) -> Reply:
    """Answers a refused choice about third parties or measurement."""
    return Reply(error.status, _failure("Privacy request failed", _message(error)))


def session_replies(event: Event, app_token: str) -> tuple[Reply, Reply]:
    """Returns the answers to the first session of a device, and to a later one."""
    told = b'{"app_token":%b,"adid":"%b","timestamp":"%b+0000",' % (
        msgspec.json.encode(app_token),
        adid_of(event.app_id, event.user_id).encode(),
        iso_time(event.received_at_ms).encode(),
    )
    headers = {RECEIPT: receipt_text(event.receipt)}
    return Reply(200, told + _INSTALL, headers), Reply(200, told + _SESSION, headers)


def event_error_reply(error: WaybillError, _: str | None) -> Reply:
    """Answers a refused event."""
    return Reply(error.status, _failure("Event request failed", _message(error)))


def session_error_reply(error: WaybillError, _: str | None) -> Reply:
    """Answers a refused session."""
    return Reply(error.status, _failure("Session failed", _message(error)))


def ad_revenue_error_reply(error: WaybillError, app_token: str | None) -> Reply:
    """Answers refused ad revenue: its page alone names the fault of the token, and the app."""
    message = _message(error)
    if isinstance(error, Unauthorized):
        message = _AD_REVENUE_TOKENS.get(error.fault, _AD_REVENUE_TOKEN)
    suffix = "" if app_token is None else f" (app_token:{app_token})"
    return Reply(error.status, _failure("Ad revenue request failed", message, suffix))


def _message(error: WaybillError) -> str:
    published = _MESSAGES.get(type(error))
    if published is not None:
        return published
    if isinstance(error, BadEventState):
        return f"Bad event state: {error.message}"
    if not isinstance(error, MissingField | MalformedField) or error.field is None:
        return error.message
    if error.field in _TIMES:
        return f"Bad event state: {error.message}"
    if isinstance(error, MissingField) and error.field not in {"app_token", "event_token"}:
        return error.message  # no published message says which field is missing
    return _FIELD_MESSAGES.get(error.field, error.message)


def _failure(prefix: str, message: str, suffix: str = "") -> bytes:
    return msgspec.json.encode({"error": f"{prefix} ({message}){suffix}"})
