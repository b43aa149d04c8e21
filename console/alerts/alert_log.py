"""Lists alerts of an app, newest first, each with what became of its messages."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from console.apps.apps import App
from shared.database import Connection, named_rows, run


@dataclass(frozen=True)
class AlertDelivery:
    """A message of an alert to one destination. `status` is None without an answer."""

    destination: str
    phase: str
    state: str
    outcome: str
    status: int | None
    attempts: int
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A condition of an app; `resolved_at` is None while it is open."""

    id: int
    kind: str
    subject: str
    title: str
    detail: str
    opened_at: datetime
    resolved_at: datetime | None
    messages: list[AlertDelivery] = field(default_factory=list)


_ALERTS = """
    SELECT id, kind, subject, title, detail, opened_at, resolved_at FROM alerts
    WHERE app_id = %(app)s AND (resolved_at IS NULL OR NOT %(open_only)s)
    ORDER BY resolved_at IS NOT NULL, opened_at DESC, id DESC
    LIMIT %(count)s
"""
_MESSAGES = """
    SELECT alert_id, name, phase, state, outcome, status, attempts,
           alert_messages.created_at, due_at
    FROM alert_messages JOIN alert_destinations ON alert_destinations.id = destination_id
    WHERE alert_id = ANY(%s)
    ORDER BY alert_id, alert_messages.created_at, destination_id
"""


def list_alerts(
    connection: Connection, app: App, count: int, *, open_only: bool = False
) -> list[Alert]:
    """Lists alerts, those that are open first."""
    arguments = {"app": app.id, "count": count, "open_only": open_only}
    alerts = [Alert(**row) for row in named_rows(connection, _ALERTS, arguments)]
    messages: dict[int, list[AlertDelivery]] = {}
    for alert_id, *values in run(connection, _MESSAGES, ([each.id for each in alerts],)):
        messages.setdefault(alert_id, []).append(AlertDelivery(*values))
    return [replace(each, messages=messages.get(each.id, [])) for each in alerts]
