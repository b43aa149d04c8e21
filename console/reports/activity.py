"""Reads an app's active users by day.

They come from daily rollups (`comebacks`), read by index: the cost depends on the days that are
shown, not on the number of events and users. Days are those of the app, of event time. An active
user of a day has a session in it, or any event (`active_by`); WAU and MAU cover the 7 and 30 days
that end with the day.
"""

from dataclasses import dataclass
from datetime import date

from console.apps.apps import ActiveBy, App
from console.reports.names import SourceFilter
from console.reports.period import MONTH_DAYS, Period
from shared.database import Connection, run

WEEK_DAYS = 7
LAST_SEEN = {ActiveBy.SESSIONS: "last", ActiveBy.EVENTS: "last_event"}

# The users of a day count in each span that has it, unless they were active earlier in that span:
# then their previous active day, `days` before, is in it as well. So they count in the spans that
# end from one day until another: what begins and what ends is added up, in two steps for each row.
ACTIVE_USERS = """
WITH active AS (
    SELECT day, days, users FROM comebacks
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = %(since)s
      AND NOT building AND day > %(from)s::date - %(month)s AND day <= %(to)s
), steps (day, dau, wau, mau) AS (
    SELECT day, users, 0, 0 FROM active
    UNION ALL
    SELECT day + greatest(%(week)s - coalesce(days, %(week)s), 0), 0, users, 0 FROM active
    UNION ALL
    SELECT day + %(week)s, 0, -users, 0 FROM active
    UNION ALL
    SELECT day + greatest(%(month)s - coalesce(days, %(month)s), 0), 0, 0, users FROM active
    UNION ALL
    SELECT day + %(month)s, 0, 0, -users FROM active
), by_day AS (
    SELECT day, sum(dau) AS dau, sum(wau) AS wau, sum(mau) AS mau FROM steps GROUP BY day
), added AS (
    SELECT shown::date AS day, coalesce(dau, 0) AS dau,
           coalesce(sum(wau) OVER (ORDER BY shown), 0) AS wau,
           coalesce(sum(mau) OVER (ORDER BY shown), 0) AS mau
    FROM generate_series(%(from)s::date - %(month)s, %(to)s::date, interval '1 day') AS shown
    LEFT JOIN by_day ON day = shown::date
)
SELECT day, dau, wau, mau FROM added WHERE day >= %(from)s ORDER BY day
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
