"""Builds the request of a callback: filled in, identified and signed.

The three headers are those of Standard Webhooks 1.0. A POST carries JSON and signs it; a GET has no
body, and signs its URL instead.
"""

import base64
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from shared.callbacks.callback_parameters import with_callback_parameters
from shared.callbacks.conversion_facts import ConversionFacts, iso_time
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.macros import COMPUTED
from shared.callbacks.parameter_macros import PASSED_ON
from shared.callbacks.templates import read_template
from shared.keys.installation_key import key_with_check
from shared.keys.wrapping import WrappedElsewhere, unwrap, wrap

BODY_BYTES_MAX = 20_000  # what Standard Webhooks recommends at most
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix
JSON_HEADER = ("Content-Type", "application/json")
_WRAPPING = b"waybill signing secret"
_USER_AGENT = "Waybill/0.1 (callbacks)"


class Signing(NamedTuple):
    """The parts of a secret: `kept` is wrapped, and of a former installation key.

    `check` is that of the key in force; b"": the only one that there is. `former` is the secret
    before it, wrapped, while both sign.
    """

    version: int = 1
    kept: bytes | None = None
    check: bytes = b""
    former: bytes | None = None


# Of an endpoint, while both sign: receivers change theirs meanwhile.
SELECT_FORMER = "CASE WHEN rotated_at > now() - interval '24 hours' THEN former_secret END"
_ONLY_KEY = Signing()
_PASSED_ON = frozenset(PASSED_ON)


@dataclass(frozen=True)
class CallbackEndpoint:
    """The values of an endpoint that decide the request that it gets.

    `is_partners`: it is a third party, to whom an event's callback parameters are not passed on.
    """

    id: int
    method: str
    url: str
    signing: Signing = _ONLY_KEY
    is_partners: bool = False


def signing_secret(key: bytes, endpoint_id: int, signing: Signing) -> str:
    """Returns an endpoint's secret. It is derived from the key in force, so no table holds it."""
    return shown_secret(signing_key(key, callback_purpose(endpoint_id, signing.version), signing))


def wrap_signing_key(secret_key: bytes, key: bytes) -> bytes:
    """Returns a secret as it is stored, once the key that it is derived from was rotated."""
    return wrap(_WRAPPING, secret_key, key)


def shown_secret(secret: bytes) -> str:
    """Writes a secret in the form of Standard Webhooks."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


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
    if not body and not endpoint.is_partners:
        url = with_callback_parameters(url, facts.parameters)
    signing = endpoint.signing
    secret = signing_key(key, callback_purpose(endpoint.id, signing.version), signing)
    former = former_signing_key(key, signing) if signing.former else None
    content = body or url.encode()
    headers = signing_headers(secret, str(facts.id), now_ms // 1000, content, former)
    if body:
        headers.append(JSON_HEADER)
    return HttpRequest(endpoint.method, url, tuple(headers), body)


def signing_headers(
    secret: bytes, message_id: str, timestamp: int, content: bytes, former: bytes | None = None
) -> list[tuple[str, str]]:
    """Returns the headers that every request has: who sends it, its id, time and signature.

    A `former` secret signs as well; whoever verifies looks for a signature that is right.
    """
    signed = _signature(secret, message_id, timestamp, content)
    if former is not None:
        signed += f" {_signature(former, message_id, timestamp, content)}"
    return [
        ("User-Agent", _USER_AGENT),
        ("Accept", "*/*"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signed),
    ]


@lru_cache(maxsize=1_024)  # endpoints; deriving a key takes as long as signing
def signing_key(key: bytes, purpose: str, signing: Signing = _ONLY_KEY) -> bytes:
    """Returns the key that signs for one purpose. Raises WrappedElsewhere."""
    if signing.kept is not None:
        return unwrap(_WRAPPING, key, signing.kept)
    in_force = key_with_check(key, signing.check) if signing.check else key
    return hmac.digest(in_force or key, purpose.encode(), "sha256")


@lru_cache(maxsize=1_024)  # endpoints
def former_signing_key(key: bytes, signing: Signing) -> bytes | None:
    """Returns the key before the last change of a secret; None if no key of ours opens it."""
    try:
        return unwrap(_WRAPPING, key, signing.former or b"")
    except WrappedElsewhere:
        return None


def callback_purpose(endpoint_id: int, version: int) -> str:
    """Returns the purpose that the secret of a callback endpoint is derived for."""
    return f"callback endpoint {endpoint_id} secret {version}"


def _signature(key: bytes, message_id: str, timestamp: int, content: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def json_body(facts: ConversionFacts) -> bytes:
    """Returns the JSON of a callback; what was sent along is left out if it is too large."""
    values = {macro.name: value for macro in COMPUTED if (value := macro.read(facts))}
    values |= {
        name: value
        for sent in (facts.click_parameters, facts.parameters)  # the event's count
        for name, value in sent.items()
        if value and name in _PASSED_ON
    }
    document = {
        "type": facts.activity,
        "timestamp": iso_time(facts.event_time_ms),
        "data": {**values, "parameters": facts.parameters},
    }
    if facts.erased_ids:
        ids = [{"kind": kind, "value": value} for kind, value in facts.erased_ids]
        return msgspec.json.encode({**document, "data": {**values, "erased_ids": ids}})
    body = msgspec.json.encode(document)
    if len(body) > BODY_BYTES_MAX:
        known = {name: value for name, value in values.items() if len(value) <= 256}
        body = msgspec.json.encode({**document, "data": known})
    return body
