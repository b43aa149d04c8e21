"""Adjust's answers, byte for byte as its pages print them.

Where no published message fits, the sentence of the error stands in its place, in the same frame.
"""

import msgspec

from ingest.dialects.dialect import Reply
from shared.device_ids import adid_of
from shared.errors import (
    BadEventState,
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
from shared.tokens import TokenFault

RECEIPT = "Waybill-Receipt"

_OK = b'{"status":"OK"}'
_INSTALL = "Install tracked", 2_000
_SESSION = "Session tracked", 5_000
_REPEAT = "Ignoring event, earlier unique event tracked"

_MESSAGES: dict[type[WaybillError], str] = {
    Unauthorized: "Failed to authorize request",
    UnknownApp: "App token not found",
    UnknownDevice: "Device not found",
    RequestTooLarge: "Request size too large",
}
_OF_FIELDS = {
    "app_token": "Invalid app token",
    "event_token": "Invalid event token",
    "revenue": "Invalid revenue",
    "currency": "Invalid revenue",
    "callback_params": "Invalid callback parameters",
}
_TIMES = ("created_at_unix", "created_at")
_AD_REVENUE_TOKENS = {TokenFault.MISSING: "missing authentication token"}
_AD_REVENUE_TOKEN = "wrong authentication token"  # noqa: S105 - as its page prints it


def accepted(event: Event) -> Reply:
    return Reply(200, _OK, {RECEIPT: str(event.receipt)})


def repeated(event: Event) -> Reply:
    """A unique event that its user has had: recorded, and not counted."""
    return Reply(400, _failure("Event request failed", _REPEAT), {RECEIPT: str(event.receipt)})


def session_answers(event: Event, app_token: str) -> tuple[Reply, Reply]:
    """Of the first session of a device, and of a later one."""
    first, later = (_session(event, app_token, *told) for told in (_INSTALL, _SESSION))
    return first, later


def event_refused(error: WaybillError, _: str | None) -> Reply:
    return _refused("Event request failed", _message(error), error)


def session_refused(error: WaybillError, _: str | None) -> Reply:
    return _refused("Session failed", _message(error), error)


def ad_revenue_refused(error: WaybillError, app_token: str | None) -> Reply:
    """Its page alone names the fault of the token, and the app."""
    message = _message(error)
    if isinstance(error, Unauthorized):
        message = _AD_REVENUE_TOKENS.get(error.fault, _AD_REVENUE_TOKEN)
    suffix = "" if app_token is None else f" (app_token:{app_token})"
    return _refused("Ad revenue request failed", message, error, suffix)


def _session(event: Event, app_token: str, message: str, ask_in: int) -> Reply:
    body = {
        "app_token": app_token,
        "adid": adid_of(event.app_id, event.user_id),
        "timestamp": f"{iso_time(event.received_at_ms)}+0000",
        "message": message,
        "ask_in": ask_in,
    }
    return Reply(200, msgspec.json.encode(body), {RECEIPT: str(event.receipt)})


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
        return error.message  # nothing is published that would say what is missing
    return _OF_FIELDS.get(error.field, error.message)


def _refused(prefix: str, message: str, error: WaybillError, suffix: str = "") -> Reply:
    return Reply(error.status, _failure(prefix, message, suffix))


def _failure(prefix: str, message: str, suffix: str = "") -> bytes:
    return msgspec.json.encode({"error": f"{prefix} ({message}){suffix}"})
