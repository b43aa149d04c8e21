"""Tries a destination: sends it the message of one alert, and shows what came back."""

import asyncio
import time
from dataclasses import dataclass

from msgspec.structs import replace

from console.actor import Actor, require_admin
from console.alerts.destinations import AlertDestination, read_alert_signing
from console.resources import Resources
from console.trials import one_trial
from shared.alerts.kinds import AlertKind
from shared.alerts.mail import mail_server
from shared.alerts.messages import AlertMessage, sample_message
from shared.alerts.requests import AlertTarget
from shared.alerts.sending import AlertTools, send_alert
from shared.callbacks.attempts import AttemptResult
from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.clock import Clock
from shared.ids import new_receipt
from shared.settings import Settings


@dataclass(frozen=True)
class AlertTest:
    """A message that was sent and what came back; `status` is None without an answer."""

    kind: AlertKind
    subject: str
    delivered: bool
    outcome: str
    status: int | None
    took_ms: int
    answer: str


def send_alert_test(
    resources: Resources,
    actor: Actor,
    settings: Settings,
    destination: AlertDestination,
    kind: AlertKind,
    now: Clock,
) -> AlertTest:
    """Sends the test of one alert now, whether the destination is paused or not.

    Raises NotAllowed, and OperatorError if too many tests are sent at once.
    """
    require_admin(actor)
    now_ms = now()
    place = (destination.app_id, destination.app)
    message = sample_message(new_receipt(now_ms), kind, place, settings.console_url, now_ms)
    began = time.monotonic()
    signing = read_alert_signing(resources.connection, destination.id)
    target = replace(destination.alert_target, signing=signing)
    with one_trial():
        result = asyncio.run(_sent(resources.secret_key, settings, target, message, now_ms))
    took_ms = round((time.monotonic() - began) * 1000)
    return AlertTest(
        kind,
        message.subject,
        result.is_delivered,
        result.outcome,
        result.status,
        took_ms,
        result.answer,
    )


async def _sent(
    key: bytes, settings: Settings, target: AlertTarget, message: AlertMessage, now_ms: int
) -> AttemptResult:
    client = HttpClient(guard_of(settings))
    mail = mail_server(settings.smtp_url, settings.mail_from)
    try:
        return await send_alert(AlertTools(key, client, mail), target, message, now_ms)
    finally:
        client.close()
