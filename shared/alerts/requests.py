"""Builds the request that brings an alert to a webhook, signed as callbacks are."""

import msgspec

from shared.alerts.kinds import AlertChannel
from shared.alerts.messages import AlertMessage
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.requests import (
    JSON_HEADER,
    Signing,
    shown_secret,
    signing_headers,
    signing_key,
)

_ONLY_KEY = Signing()


class AlertTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A place to which alerts go: `target` is a URL, or an address of mail."""

    id: int
    channel: AlertChannel
    target: str
    signing: Signing = _ONLY_KEY


def alert_secret(key: bytes, destination_id: int, signing: Signing = _ONLY_KEY) -> str:
    """Returns the secret of a destination, derived from the installation's key."""
    return shown_secret(signing_key(key, alert_purpose(destination_id), signing))


def alert_request(
    key: bytes, target: AlertTarget, message: AlertMessage, now_ms: int
) -> HttpRequest:
    """Returns the request of one attempt at a webhook."""
    body = message.slack() if target.channel is AlertChannel.SLACK else message.json()
    secret = signing_key(key, alert_purpose(target.id), target.signing)
    headers = signing_headers(secret, str(message.id), now_ms // 1000, body)
    return HttpRequest("POST", target.target, (*headers, JSON_HEADER), body)


def alert_purpose(destination_id: int) -> str:
    """Returns the purpose that the secret of a destination is derived for."""
    return f"alert destination {destination_id}"
