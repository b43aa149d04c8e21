"""Brings one message to one destination, by request or by mail, and says what it came to."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from email.message import EmailMessage

from shared.alerts.kinds import AlertChannel
from shared.alerts.mail import MailFault, MailServer, alert_mail, send_mail
from shared.alerts.messages import AlertMessage
from shared.alerts.requests import AlertTarget, alert_request
from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, AttemptResult, attempt
from shared.callbacks.http_client import HttpClient

NO_MAIL_SERVER = "no mail server is set: WAYBILL_SMTP_URL"


@dataclass(frozen=True)
class AlertTools:
    """Everything that sending an alert needs; `threads` are those that wait for a mail server."""

    key: bytes
    client: HttpClient
    mail: MailServer | None
    threads: Executor | None = None


async def send_alert(
    tools: AlertTools, target: AlertTarget, message: AlertMessage, now_ms: int
) -> AttemptResult:
    """Sends a message once. Raises nothing that the other side could cause."""
    if target.channel is not AlertChannel.MAIL:
        request = alert_request(tools.key, target, message, now_ms)
        return await attempt(tools.client, request, None, ATTEMPT_SECONDS_MAX)
    if tools.mail is None:
        return AttemptResult(NO_MAIL_SERVER)
    mail = alert_mail(tools.mail, target.target, message)
    return await attempt_mail(tools.mail, mail, tools.threads)


async def attempt_mail(
    server: MailServer, mail: EmailMessage, threads: Executor | None = None
) -> AttemptResult:
    """Sends a mail once, on one of these threads. Raises nothing that the server could cause."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(2 * ATTEMPT_SECONDS_MAX):  # several answers of a server
            await loop.run_in_executor(threads, send_mail, server, mail, ATTEMPT_SECONDS_MAX)
    except MailFault as fault:
        return AttemptResult(fault.reason, is_final=fault.is_final)
    except TimeoutError:
        return AttemptResult("the mail server is too slow; the mail may have arrived")
    return AttemptResult("delivered", is_delivered=True)
