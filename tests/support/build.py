"""Builds valid values, one line each; a test varies what it is about by keyword."""

from hashlib import md5
from typing import Any
from uuid import UUID

from msgspec import structs

from console.actor import Actor, Role
from ingest.dialects.dialect import RequestContext
from ingest.parameters import Parameters, RawParameters
from shared.events import Environment, Event, Kind, encode_event, join_events
from shared.inbox import Entry
from shared.integration_log import IntegrationLogEntry
from shared.rejections import Rejection
from shared.scopes import Scope
from shared.settings import Settings, read_settings
from shared.snapshot import Grant, KnownLink, LinkKey, Snapshot
from shared.tokens import key_check, token_digest

NOW_MS = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z
RECEIPT = UUID("019b7ca9-8f2e-7000-8000-000000000001")
SECRET_KEY = b"an installation key of 32 bytes!"
TOKEN = "s2sTokenForTheStoreApp"
ADMIN = Actor("cli:ada", Role.ADMIN)
VIEWER = Actor("web:bob", Role.VIEWER)

VARIABLES = {
    "DATABASE_URL": "postgresql://waybill@localhost/waybill",
    "REDIS_URL": "redis://localhost:6379/0",
    "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
}
_HOSTS = {"WAYBILL_HOSTS": "falconframework.org"}  # that of Falcon's test client


def now() -> int:
    """Returns a fixed time, as a clock that stands still."""
    return NOW_MS


def settings(**variables: str) -> Settings:
    return read_settings({**VARIABLES, **_HOSTS, **variables})


def event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "receipt": RECEIPT,
        "received_at_ms": NOW_MS,
        "app_id": 1,
        "token_id": 1,
        "environment": Environment.PRODUCTION,
        "kind": Kind.EVENT,
        "endpoint": "/postback",
        "user_id": "0000-AAAA-BBBB-CCCC",
        "event_id": "register",
    }
    return Event(**{**fields, **changes})


def batch(*events: Event) -> bytes:
    return join_events([encode_event(event) for event in events])


def entry(*events: Event, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "id": f"{NOW_MS}-0",
        "deliveries": 1,
        "count": len(events),
        "wire_version": 1,
        "payload": batch(*events),
    }
    return Entry(**{**fields, **changes})


def grant(**changes: Any) -> Grant:
    fields = {"token_id": 1, "app_id": 1, "environment": Environment.PRODUCTION}
    return Grant(**{**fields, **changes})


def digest(token: str = TOKEN) -> bytes:
    return token_digest(SECRET_KEY, token.encode())


def snapshot(version: int = 1, /, **grants: Grant) -> Snapshot:
    """Builds a snapshot with grants by token; without any, TOKEN may send."""
    granted = grants or {TOKEN: grant()}
    digests = {digest(token): allowed for token, allowed in granted.items()}
    return Snapshot(version, key_check(SECRET_KEY), digests)


LINK_KEY = LinkKey("12", "34")
LINK = "offer_id=12&pub_id=34"


def link(**changes: Any) -> KnownLink:
    fields = {"link_id": 7, "app_id": 1, "destination": "https://shop.example/welcome"}
    return KnownLink(**{**fields, **changes})


def linked(held: Snapshot | None = None, **changes: Any) -> Snapshot:
    """Adds one link to the snapshot, under LINK_KEY."""
    return structs.replace(held or snapshot(), links={LINK_KEY: link(**changes)})


def request_context(**changes: Any) -> RequestContext:
    fields: dict[str, Any] = {
        "receipt": RECEIPT,
        "received_at_ms": NOW_MS,
        "grant": grant(),
        "idempotency_key": None,
    }
    return RequestContext(**{**fields, **changes})


def parameters(query: str) -> Parameters:
    return RawParameters(query.encode(), b"").parameters(without=())


def device_id(kind: str) -> str:
    """An id in the form of its kind, a different one for each."""
    digest = md5(f"a device by {kind}".encode(), usedforsecurity=False).hexdigest()
    match kind:
        case "mac":
            return digest[:12]
        case _ if kind.endswith("sha1"):
            return digest + digest[:8]
        case _ if kind.endswith("md5") or kind == "adid":
            return digest
        case _:
            return str(UUID(digest))


def rejection(**changes: Any) -> Rejection:
    fields: dict[str, Any] = {
        "at_ms": NOW_MS,
        "endpoint": "/postback",
        "method": "GET",
        "status": 400,
        "code": "missing_field",
        "field": "user_id",
        "app_id": 1,
        "parameters": {"event_id": "register"},
    }
    return Rejection(**{**fields, **changes})


def check_entry(**changes: Any) -> IntegrationLogEntry:
    """Builds the log entry of an event in the Adjust dialect, accepted with a valid token and
    without issues."""
    fields: dict[str, Any] = {
        "at_ms": NOW_MS,
        "dialect": "adjust",
        "endpoint": "/event",
        "method": "POST",
        "status": 200,
        "code": None,
        "field": None,
        "token_id": 1,
        "fault": None,
        "enforced": False,
        "scope": Scope.EVENTS,
        "event_id": "g3mfiw",
        "receipt": str(RECEIPT),
        "missing": (),
        "environment": Environment.PRODUCTION,
    }
    return IntegrationLogEntry(**{**fields, **changes})
