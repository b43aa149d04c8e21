"""Builds the request of a callback: filled in, identified and signed.

The three headers are those of Standard Webhooks 1.0. A POST carries JSON and signs it; a GET has no
body, and signs its URL instead.
"""

import base64
import hmac
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from shared.callbacks.conversion_facts import ConversionFacts, iso_time
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.macros import DECLARED
from shared.callbacks.templates import read_template

BODY_BYTES_MAX = 20_000  # what Standard Webhooks recommends at most
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix
_USER_AGENT = "Waybill/0.1 (callbacks)"


@dataclass(frozen=True)
class CallbackEndpoint:
    """The values of an endpoint that decide the request that it gets."""

    id: int
    method: str
    url: str
    secret_version: int = 1


def signing_secret(key: bytes, endpoint_id: int, version: int) -> str:
    """Derives an endpoint's secret from the installation's key, so that no table holds it."""
    return SECRET_PREFIX + base64.b64encode(_signing_key(key, endpoint_id, version)).decode()


def signature(secret: str, message_id: str, timestamp: int, content: bytes) -> str:
    """Signs as Standard Webhooks does: HMAC-SHA256 over id, time and content."""
    return _signature(
        base64.b64decode(secret.removeprefix(SECRET_PREFIX)), message_id, timestamp, content
    )


def build_request(
    key: bytes, endpoint: CallbackEndpoint, facts: ConversionFacts, now_ms: int
) -> HttpRequest:
    """Returns the request of one attempt."""
    url = read_template(endpoint.url).fill(facts)
    body = json_body(facts) if endpoint.method == "POST" else b""
    timestamp = now_ms // 1000
    secret = _signing_key(key, endpoint.id, endpoint.secret_version)
    message_id = str(facts.id)
    headers = [
        ("User-Agent", _USER_AGENT),
        ("Accept", "*/*"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", _signature(secret, message_id, timestamp, body or url.encode())),
    ]
    if body:
        headers.append(("Content-Type", "application/json"))
    return HttpRequest(endpoint.method, url, tuple(headers), body)


@lru_cache(maxsize=1_024)  # endpoints; deriving a key takes as long as signing
def _signing_key(key: bytes, endpoint_id: int, version: int) -> bytes:
    content = f"callback endpoint {endpoint_id} secret {version}".encode()
    return hmac.digest(key, content, "sha256")


def _signature(key: bytes, message_id: str, timestamp: int, content: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def json_body(facts: ConversionFacts) -> bytes:
    """Returns the JSON of a callback; what was sent along is left out if it is too large."""
    values = {macro.name: value for macro in DECLARED if (value := macro.read(facts))}
    document = {
        "type": facts.activity,
        "timestamp": iso_time(facts.event_time_ms),
        "data": {**values, "parameters": facts.parameters},
    }
    body = msgspec.json.encode(document)
    if len(body) > BODY_BYTES_MAX:
        known = {name: value for name, value in values.items() if len(value) <= 256}
        body = msgspec.json.encode({**document, "data": known})
    return body
