"""Sends the messages that are due, on the event loop of the courier, so that no drain waits."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from shared.alerts.mail import mail_server
from shared.alerts.sending import AlertTools, send_alert
from shared.callbacks.attempts import AttemptResult
from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.clock import Clock, now_ms
from shared.database import Connection, DatabaseError
from workers.alerts.message_claims import (
    CLAIMED_MAX,
    MessageClaim,
    claim_messages,
    settle_message,
)
from workers.deliver.courier_thread import process_courier
from workers.patient_database import Database
from workers.process import process_stores

_MAILS_AT_ONCE = 2  # threads, apart from those of the courier

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlertSender:
    """The sender of a process, used by one coroutine at a time."""

    connection: Callable[[], Connection]
    lost_connection: Callable[[], None]
    tools: AlertTools
    console_url: str
    now_ms: Clock

    async def send_due(self) -> int:
        """Sends what is due, at most for as long as there is more; returns how many messages."""
        sent = 0
        try:
            while claims := await asyncio.to_thread(self._claim):
                results = await asyncio.gather(*map(self._send, claims))
                await asyncio.to_thread(self._settle, claims, results)
                sent += len(claims)
                if len(claims) < CLAIMED_MAX:
                    break
        except DatabaseError as fault:
            _log.warning("PostgreSQL: %s; alerts wait", type(fault).__name__)
            self.lost_connection()
        return sent

    def _claim(self) -> list[MessageClaim]:
        return claim_messages(self.connection(), self.console_url)

    async def _send(self, claimed: MessageClaim) -> AttemptResult:
        if claimed.is_off:
            return AttemptResult("the destination was paused or deleted", is_final=True)
        return await send_alert(self.tools, claimed.target, claimed.message, self.now_ms())

    def _settle(self, claims: list[MessageClaim], results: list[AttemptResult]) -> None:
        for claimed, result in zip(claims, results, strict=True):
            settle_message(self.connection(), claimed, result)


class AlertThread:
    """The sender of this process, on the courier's event loop."""

    def __init__(self, sender: AlertSender) -> None:
        self._sender = sender
        self._sending: Future[int] | None = None

    def wake(self) -> bool:
        """Has it send what is due. False: it is at it already."""
        if self._sending is not None and not self._sending.done():
            return False
        self._sending = process_courier().spawn(self._sender.send_due())
        return True


@cache
def process_alerts() -> AlertThread:
    """Returns the sender of this process, made by the first alert."""
    settings = process_stores().settings
    database = Database(settings.database_url)
    tools = AlertTools(
        key=settings.secret_key,
        client=HttpClient(guard_of(settings)),
        mail=mail_server(settings.smtp_url, settings.mail_from),
        threads=ThreadPoolExecutor(_MAILS_AT_ONCE, thread_name_prefix="mail"),
    )
    return AlertThread(
        AlertSender(database.connection, database.close, tools, settings.console_url, now_ms)
    )
