"""Claims messages that are due, and writes what became of them.

A claim counts the attempt and moves the time on: if the process dies, the message is due again
under the same id once the claim has lapsed.
"""

from typing import NamedTuple

from shared.alerts.kinds import AlertChannel, AlertKind
from shared.alerts.messages import AlertMessage, AlertPhase, console_page
from shared.alerts.requests import AlertTarget
from shared.callbacks.activities import callback_id
from shared.callbacks.attempts import AttemptResult
from shared.callbacks.requests import Signing
from shared.database import Connection, run

CLAIM_SECONDS = 60  # longer than an attempt by mail takes
CLAIMED_MAX = 50
RETRY_SECONDS = (60, 300, 1_800, 7_200)  # after the first, second, … attempt

_HAS_DUE = "SELECT EXISTS (SELECT FROM alert_messages WHERE state = 'waiting' AND due_at <= now())"
# What is over is told after what it was.
_CLAIM = f"""
WITH picked AS (
    SELECT alert_id, destination_id, phase FROM alert_messages AS due
    WHERE state = 'waiting' AND due_at <= now()
      AND (phase = 'opened' OR NOT EXISTS (
        SELECT FROM alert_messages AS before
        WHERE before.alert_id = due.alert_id AND before.destination_id = due.destination_id
          AND before.phase = 'opened' AND before.state = 'waiting'
      ))
    ORDER BY due_at LIMIT {CLAIMED_MAX}
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE alert_messages SET
        attempts = attempts + 1, due_at = now() + interval '{CLAIM_SECONDS} seconds'
    FROM picked
    WHERE (alert_messages.alert_id, alert_messages.destination_id, alert_messages.phase)
        = (picked.alert_id, picked.destination_id, picked.phase)
    RETURNING alert_messages.*
)
SELECT alert_id, destination_id, phase, attempts, channel, target, kind, apps.id, apps.name, title,
       detail, (extract(epoch FROM opened_at) * 1000)::bigint,
       alert_destinations.paused_at IS NOT NULL OR alert_destinations.deleted_at IS NOT NULL,
       kept_secret, (SELECT key_check FROM installation)
FROM claimed
JOIN alerts ON alerts.id = alert_id
JOIN alert_destinations ON alert_destinations.id = destination_id
JOIN apps ON apps.id = alerts.app_id
"""
_SETTLE = """
UPDATE alert_messages SET
    state = %(state)s, outcome = %(outcome)s, status = %(status)s,
    due_at = now() + %(due_seconds)s * interval '1 second'
WHERE alert_id = %(alert)s AND destination_id = %(destination)s AND phase = %(phase)s
  AND state = 'waiting'
"""


class MessageClaim(NamedTuple):
    """A message that this process is to send now; `is_off`: its destination wants no more."""

    alert_id: int
    attempts: int
    target: AlertTarget
    message: AlertMessage
    is_off: bool


def has_due_messages(connection: Connection) -> bool:
    """Tells whether a message is to be sent."""
    [(is_due,)] = run(connection, _HAS_DUE).fetchall()
    return bool(is_due)


def claim_messages(connection: Connection, console_url: str) -> list[MessageClaim]:
    """Claims what is due. Raises DatabaseError."""
    claims = []
    for row in run(connection, _CLAIM).fetchall():
        alert_id, destination_id, phase, attempts, channel, target, kind, *rest = row
        app_id, app_name, title, detail, opened_at_ms, is_off, kept, check = rest
        message = AlertMessage(
            id=callback_id((app_id, ""), "", f"alert.{phase}", str(alert_id), destination_id),
            phase=AlertPhase(phase),
            kind=AlertKind(kind),
            app_id=app_id,
            app_name=app_name,
            title=title,
            detail=detail,
            opened_at_ms=opened_at_ms,
            url=console_page(console_url, app_id),
        )
        place = AlertTarget(
            id=destination_id,
            channel=AlertChannel(channel),
            target=target,
            signing=Signing(1, kept, check or b""),
        )
        claims.append(MessageClaim(alert_id, attempts, place, message, is_off))
    return claims


def settle_message(connection: Connection, claimed: MessageClaim, result: AttemptResult) -> None:
    """Writes what became of an attempt. Raises DatabaseError."""
    state, due_seconds = "failed", 0
    if claimed.is_off:
        state = "withheld"
    elif result.is_delivered:
        state = "delivered"
    elif not result.is_final and claimed.attempts <= len(RETRY_SECONDS):
        state, due_seconds = "waiting", RETRY_SECONDS[claimed.attempts - 1]
    arguments = {
        "state": state,
        "outcome": result.outcome,
        "status": result.status,
        "due_seconds": due_seconds,
        "alert": claimed.alert_id,
        "destination": claimed.target.id,
        "phase": claimed.message.phase,
    }
    run(connection, _SETTLE, arguments)
