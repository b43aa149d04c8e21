"""Reads an app's active users by day, and how many of its new users come back.

Both come from daily rollups (`comebacks`, `figures`), read by index: the cost of a report depends
on the days that it shows, not on the number of events and users. Days are UTC, of event time. An
active user of a day has a session in it; WAU and MAU cover the 7 and 30 days that end with the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from console.apps.apps import App
from console.reports.names import SourceFilter
from console.reports.period import MONTH_DAYS, Period
from shared.database import Connection, run

WEEK_DAYS = 7
RETENTION_DAYS_MAX = 30

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
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = 'last'
      AND day > shown::date - %(month)s AND day <= shown::date
    OFFSET 0
) AS active ON true
GROUP BY shown
ORDER BY shown
"""

RETAINED_USERS = """
SELECT (start AT TIME ZONE 'UTC')::date, 0 AS after_days, sum(installs)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day' AND event = ''
  AND start >= %(from)s::date::timestamp AT TIME ZONE 'UTC'
  AND start < (%(to)s::date + 1)::timestamp AT TIME ZONE 'UTC'
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
GROUP BY 1 HAVING sum(installs) > 0
UNION ALL
SELECT day - days, days, sum(users)
FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = 'first'
  AND day BETWEEN %(from)s::date + 1 AND %(to)s::date + %(days)s
  AND days BETWEEN 1 AND %(days)s AND day - days BETWEEN %(from)s::date AND %(to)s::date
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
GROUP BY 1, 2
ORDER BY 1, 2
"""


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


@dataclass(frozen=True)
class Cohort:
    """The users whose first event was on `day`.

    `retained[n - 1]` of them had a session n days later; it is None where that day is not over.
    """

    day: date
    users: int
    retained: tuple[int | None, ...]

    def share(self, after: int) -> float | None:
        """Returns the share of the users who came back `after` days later, None of no users."""
        retained = self.retained[after - 1]
        return None if retained is None or not self.users else retained / self.users


def active_users(
    connection: Connection, app: App, environment: str, period: Period, today: date
) -> list[ActiveUsers]:
    """Returns a row for each day of the period until today, also without active users.

    A later day has a row if somebody was active on it, by the clock of a sender.
    """
    arguments = {
        **_arguments(app, environment, period),
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


def retention(
    connection: Connection,
    app: App,
    environment: str,
    period: Period,
    today: date,
    source: SourceFilter | None = None,
) -> list[Cohort]:
    """Returns a row for each day of the period until today, also without new users.

    With `source`, only users that were attributed to it at that time count.
    """
    arguments = {
        **_arguments(app, environment, period),
        "days": RETENTION_DAYS_MAX,
        "link_ids": source and list(source.link_ids),
        "source": source and source.source,
    }
    rows = run(connection, RETAINED_USERS, arguments).fetchall()
    counts = {
        day: {after: int(users) for _, after, users in of_day}
        for day, of_day in groupby(rows, key=lambda row: row[0])
    }
    days = [period.first + timedelta(days=number) for number in range(period.days)]
    return [
        _cohort(day, counts.get(day, {}), today) for day in days if day <= today or day in counts
    ]


def _cohort(day: date, users: Mapping[int, int], today: date) -> Cohort:
    days_over = (today - day).days - 1
    return Cohort(
        day,
        users.get(0, 0),
        tuple(
            users.get(after, 0) if after <= days_over else None
            for after in range(1, RETENTION_DAYS_MAX + 1)
        ),
    )


def _arguments(app: App, environment: str, period: Period) -> dict[str, object]:
    return {
        "app_id": app.id,
        "environment": environment,
        "from": period.first,
        "to": period.last,
    }
