"""Sends one report once, by mail or to a webhook, and says what it came to."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.reports.bounds import moment_of
from console.reports.schedules.report_message import (
    ReportMessage,
    schedule_secret,
    write_report,
)
from console.reports.schedules.schedule import ReportChannel, ReportSchedule
from console.resources import Resources
from console.store_errors import StoreError, database_error
from console.trials import one_trial
from shared.alerts.mail import mail_server
from shared.alerts.sending import NO_MAIL_SERVER, attempt_mail
from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, AttemptResult, attempt
from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.clock import Clock
from shared.database import DatabaseError, is_unavailable, run, transaction
from shared.errors import OperatorError
from shared.ids import new_receipt
from shared.settings import Settings

# A report takes some ten statements; a claim lapses after CLAIM_SECONDS, sending included.
STATEMENT_SECONDS_MAX = 10
_BOUND = f"SELECT set_config('statement_timeout', '{STATEMENT_SECONDS_MAX}s', true)"


@dataclass(frozen=True)
class ReportTest:
    """A report that was sent at once, and what came back; `status` is None without an answer."""

    subject: str
    size_bytes: int
    delivered: bool
    outcome: str
    status: int | None
    took_ms: int
    answer: str


def send_report_test(
    resources: Resources,
    actor: Actor,
    settings: Settings,
    places: tuple[App, ReportSchedule],
    now: Clock,
) -> ReportTest:
    """Sends the report of a schedule as of now, whether it is paused or not.

    Raises NotAllowed, and OperatorError as the page of reports does, or if too many are sent at
    once.
    """
    require_admin(actor)
    app, schedule = places
    now_ms = now()
    began = time.monotonic()
    times = (moment_of(now_ms), moment_of(now_ms))
    number = new_receipt(now_ms)
    with one_trial():
        message = write_report(
            resources.connection, app, schedule, times, number, settings.console_url
        )
        result = send_message(resources, settings, schedule, message, now_ms)
    return ReportTest(
        message.subject,
        len(message.content),
        result.is_delivered,
        result.outcome,
        result.status,
        round((time.monotonic() - began) * 1000),
        result.answer,
    )


def send_report(
    resources: Resources,
    settings: Settings,
    places: tuple[App, ReportSchedule],
    due_at: datetime,
    message_id: UUID,
    now_ms: int,
) -> AttemptResult:
    """Sends the report that was due at a time; one that cannot be answered any more has failed.

    One that takes PostgreSQL too long is tried again. Raises DatabaseError while it is away.
    """
    app, schedule = places
    times = (due_at, moment_of(now_ms))
    try:
        with transaction(resources.connection) as connection:
            run(connection, _BOUND)
            message = write_report(
                connection, app, schedule, times, message_id, settings.console_url
            )
    except OperatorError as error:
        return AttemptResult(error.message, is_final=True)
    except DatabaseError as error:
        if is_unavailable(error):
            raise
        reason = database_error(error)
        return AttemptResult(reason.message, is_final=not isinstance(reason, StoreError))
    return send_message(resources, settings, schedule, message, now_ms)


def send_message(
    resources: Resources,
    settings: Settings,
    schedule: ReportSchedule,
    message: ReportMessage,
    now_ms: int,
) -> AttemptResult:
    """Sends a report once, under the rules of all outgoing requests."""
    if schedule.channel is ReportChannel.MAIL:
        server = mail_server(settings.smtp_url, settings.mail_from)
        if server is None:
            return AttemptResult(NO_MAIL_SERVER)
        return asyncio.run(attempt_mail(server, message.mail(server, schedule.target)))
    secret = schedule_secret(resources, schedule.id)
    request = message.request(schedule.target, secret, now_ms)

    async def sent() -> AttemptResult:
        client = HttpClient(guard_of(settings))
        try:
            return await attempt(client, request, None, ATTEMPT_SECONDS_MAX)
        finally:
            client.close()

    return asyncio.run(sent())
