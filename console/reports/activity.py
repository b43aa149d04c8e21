"""Reads an app's active users by day.

They come from daily rollups (`comebacks`), read by index: the cost depends on the days that are
shown, not on the number of events and users. Days are UTC, of event time. An active user of a day
has a session in it, or any event (`active_by`); WAU and MAU cover the 7 and 30 days that end with
the day.
"""

from dataclasses import dataclass
from datetime import date

from console.apps.apps import ActiveBy, App
from console.reports.names import SourceFilter
from console.reports.period import MONTH_DAYS, Period
from shared.database import Connection, run

WEEK_DAYS = 7
LAST_SEEN = {ActiveBy.SESSIONS: "last", ActiveBy.EVENTS: "last_event"}

# The users of a day count in a span that ends on it or later, unless they were active earlier in
# the same span: then their previous active day, `days` before, is in the span as well.
ACTIVE_USERS = """
SELECT
    shown::date,
    coalesce(sum(users) FILTER (WHERE day = shown::date), 0),
    coalesce(sum(users) FILTER (
        WHERE day > shown::date - %(week)s
          AND (days IS NULL OR day - days <= shown::date - %(week)s)
    ), 0),
    coalesce(sum(users) FILTER (
        WHERE days IS NULL OR day - days <= shown::date - %(month)s
    ), 0)
FROM generate_series(%(from)s::date, %(to)s::date, interval '1 day') AS shown
LEFT JOIN LATERAL (
    SELECT day, days, users FROM comebacks
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = %(since)s
      AND NOT building AND day > shown::date - %(month)s AND day <= shown::date
    OFFSET 0
) AS active ON true
GROUP BY shown
ORDER BY shown
"""


@dataclass(frozen=True)
class ActivityQuestion:
    """The days and users that active users or retention are asked for.

    With `source`, only users count whom it had brought at that time; active users have no sources.
    """

    environment: str
    period: Period
    by: ActiveBy = ActiveBy.SESSIONS
    source: SourceFilter | None = None


@dataclass(frozen=True)
class ActiveUsers:
    """The active users of one day.

    `stickiness` is DAU / MAU, None while MAU is 0; `so_far` marks today.
    """

    day: date
    dau: int
    wau: int
    mau: int
    stickiness: float | None
    so_far: bool = False


def active_users(
    connection: Connection, app: App, question: ActivityQuestion, today: date
) -> list[ActiveUsers]:
    """Returns a row for each day of the period until today, also without active users.

    A later day has a row if somebody was active on it, by the clock of a sender.
    """
    arguments = {
        "app_id": app.id,
        "environment": question.environment,
        "from": question.period.first,
        "to": question.period.last,
        "since": LAST_SEEN[question.by],
        "week": WEEK_DAYS,
        "month": MONTH_DAYS,
    }
    return [
        ActiveUsers(
            day, int(dau), int(wau), int(mau), float(dau / mau) if mau else None, day == today
        )
        for day, dau, wau, mau in run(connection, ACTIVE_USERS, arguments)
        if day <= today or dau
    ]
