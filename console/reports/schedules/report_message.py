"""Writes a scheduled report as it is sent: a table as CSV, and a few words about it."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from console.apps.apps import App
from console.reports.answer import answer
from console.reports.schedules.schedule import ReportChannel, ReportSchedule
from console.reports.sheet import to_csv
from console.reports.views.layout import laid_out_sheet
from console.reports.views.view_query import (
    TextQuery,
    read_environment,
    read_layout,
    read_question,
)
from console.resources import Resources
from shared.alerts.mail import MailServer, plain_mail
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.requests import Signing, shown_secret, signing_headers, signing_key
from shared.database import Connection, run
from shared.events import Environment

_SIGNING = """
SELECT kept_secret, (SELECT key_check FROM installation) FROM report_schedules WHERE id = %s
"""


@dataclass(frozen=True)
class ReportMessage:
    """A report that is sent; its `id` stays the same at every attempt."""

    id: UUID
    subject: str
    text: str
    file_name: str
    content: bytes

    def mail(self, server: MailServer, recipient: str) -> EmailMessage:
        """Returns a mail with the table as an attachment."""
        mail = plain_mail(server, recipient, self.id, self.subject, self.text)
        mail.add_attachment(self.content, maintype="text", subtype="csv", filename=self.file_name)
        return mail

    def request(self, url: str, secret: bytes, now_ms: int) -> HttpRequest:
        """Returns a request with the table as its body, signed as callbacks are."""
        headers = signing_headers(secret, str(self.id), now_ms // 1000, self.content)
        shape = (
            ("Content-Type", "text/csv; charset=utf-8"),
            ("Content-Disposition", f'attachment; filename="{self.file_name}"'),
        )
        return HttpRequest("POST", url, (*headers, *shape), self.content)


def write_report(
    connection: Connection,
    app: App,
    schedule: ReportSchedule,
    times: tuple[datetime, datetime],
    message_id: UUID,
    console_url: str,
) -> ReportMessage:
    """Returns the report of a schedule.

    `times` are when it was due, which decides its days, and now. Raises OperatorError, as the page
    does.
    """
    due_ms, now_ms = (int(moment.timestamp() * 1000) for moment in times)
    query = TextQuery(schedule.query)
    environment = read_environment(query, Environment.PRODUCTION)
    question = read_question(query, environment, app, due_ms)
    report = answer(connection, app, question, now_ms)
    period = question.period
    days = f"{period.first} to {period.last}" if period.days > 1 else str(period.first)
    lines = [
        f"{schedule.name}: {app.name}, {days} ({app.time_zone})",
        f"{console_url}/apps/{app.id}/reports?{schedule.query}",
        "The table is attached as CSV." if report.has_data else "There is no data in this period.",
    ]
    if report.stale:
        lines.append(f"{report.stale} hours and days have changed since they were calculated.")
    if report.other_zone_days:
        lines.append(
            f"{report.other_zone_days} days are not counted in {app.time_zone} yet, or have "
            "expired in the time zone before."
        )
    return ReportMessage(
        message_id,
        f"{app.name}: {schedule.name}, {days}",
        "\n\n".join(lines),
        f"report-{app.id}-{period.first}-{period.last}.csv",
        to_csv(laid_out_sheet(report, read_layout(query))).encode(),
    )


def schedule_purpose(schedule_id: int) -> str:
    """Returns the purpose that the secret of a schedule is derived for."""
    return f"report schedule {schedule_id}"


def schedule_secret(resources: Resources, schedule_id: int) -> bytes:
    """Returns the secret that signs the requests of a schedule."""
    [(kept, check)] = run(resources.connection, _SIGNING, (schedule_id,)).fetchall()
    signing = Signing(1, kept, check or b"")
    return signing_key(resources.secret_key, schedule_purpose(schedule_id), signing)


def shown_schedule_secret(resources: Resources, schedule: ReportSchedule) -> str | None:
    """Returns the secret in the form of Standard Webhooks; mail has none."""
    if schedule.channel is ReportChannel.MAIL:
        return None
    return shown_secret(schedule_secret(resources, schedule.id))
