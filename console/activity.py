"""How many use an app, day by day, and how many come back.

From the tables `activity` and `users` alone, by their indexes: a report costs the days that it
shows, however many events there are. Days are UTC, of event time. An active user of a day is one
with a session in it; WAU and MAU look at the 7 and 30 days that end with the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from console.apps import App
from shared.database import Connection
from shared.errors import OperatorError

WEEK_DAYS = 7
MONTH_DAYS = 30
RETENTION_DAYS_MAX = 30
REPORT_DAYS_MAX = 400

# One pass, whatever the spans: each day of a user adds them, for each span, from the day on that
# their day before does not cover already, until the span is over. Days then add up the changes.
ACTIVE_USERS = """
WITH active AS (
    SELECT day, user_ref, lag(day) OVER (PARTITION BY user_ref ORDER BY day) AS before
    FROM activity
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND day BETWEEN %(from)s::date - %(month)s + 1 AND %(to)s::date
), change AS (
    SELECT span, greatest(day, before + span) AS day, 1 AS users
    FROM active CROSS JOIN unnest(ARRAY[1, %(week)s, %(month)s]) AS span
    UNION ALL
    SELECT span, day + span, -1
    FROM active CROSS JOIN unnest(ARRAY[1, %(week)s, %(month)s]) AS span
), change_of_day AS (
    SELECT
        greatest(day, %(from)s::date) AS day,
        sum(users) FILTER (WHERE span = 1) AS daily,
        sum(users) FILTER (WHERE span = %(week)s) AS weekly,
        sum(users) FILTER (WHERE span = %(month)s) AS monthly
    FROM change
    WHERE day <= %(to)s::date
    GROUP BY 1
)
SELECT
    shown::date,
    coalesce(sum(daily) OVER upto, 0),
    coalesce(sum(weekly) OVER upto, 0),
    coalesce(sum(monthly) OVER upto, 0)
FROM generate_series(%(from)s::date, %(to)s::date, interval '1 day') AS shown
LEFT JOIN change_of_day ON change_of_day.day = shown::date
WINDOW upto AS (ORDER BY shown)
ORDER BY shown
"""

# Bounds of days, not functions of columns, and activity's app and days though the join implies
# them: so that few users are looked up one by one, and many by one range of days.
RETAINED_USERS = """
WITH cohort AS (
    SELECT id, (first_time AT TIME ZONE 'UTC')::date AS day
    FROM users
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND first_time >= %(from)s::date::timestamp AT TIME ZONE 'UTC'
      AND first_time < (%(to)s::date + 1)::timestamp AT TIME ZONE 'UTC'
)
SELECT cohort.day, 0 AS after_days, count(*) FROM cohort GROUP BY 1
UNION ALL
SELECT cohort.day, activity.day - cohort.day, count(*)
FROM cohort
JOIN activity
  ON activity.user_ref = cohort.id
 AND activity.day BETWEEN cohort.day + 1 AND cohort.day + %(days)s
WHERE activity.app_id = %(app_id)s AND activity.environment = %(environment)s
  AND activity.day BETWEEN %(from)s::date + 1 AND %(to)s::date + %(days)s
GROUP BY 1, 2
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included. Raises OperatorError when it is none or long."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 1 <= (self.last - self.first).days + 1 <= REPORT_DAYS_MAX:
            raise OperatorError(
                f"--from must not be after --to, nor more than {REPORT_DAYS_MAX} days before it."
            )


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """The last day is yesterday unless given, for today is not over; the first, 30 days before."""
    last = last or today - timedelta(days=1)
    return Period(first or last - timedelta(days=MONTH_DAYS - 1), last)


@dataclass(frozen=True)
class ActiveUsers:
    """Of one day. `stickiness` is DAU / MAU, None while there is nobody."""

    day: date
    dau: int
    wau: int
    mau: int
    stickiness: float | None


@dataclass(frozen=True)
class Cohort:
    """The users whose first event was on `day`; `retained[n - 1]` of them had a session n days
    later, None where that day is not over."""

    day: date
    users: int
    retained: tuple[int | None, ...]


def active_users(
    connection: Connection, app: App, environment: str, period: Period
) -> list[ActiveUsers]:
    """A row a day, also for days without anybody."""
    arguments = {
        **_arguments(app, environment, period),
        "week": WEEK_DAYS,
        "month": MONTH_DAYS,
    }
    return [
        ActiveUsers(day, int(dau), int(wau), int(mau), float(dau / mau) if mau else None)
        for day, dau, wau, mau in connection.execute(ACTIVE_USERS, arguments)
    ]


def retention(
    connection: Connection, app: App, environment: str, period: Period, today: date
) -> list[Cohort]:
    """A row for each day on which a user was seen first."""
    arguments = {**_arguments(app, environment, period), "days": RETENTION_DAYS_MAX}
    rows = connection.execute(RETAINED_USERS, arguments).fetchall()
    return [
        _cohort(day, [(after, users) for _, after, users in counts], today)
        for day, counts in groupby(rows, key=lambda row: row[0])
    ]


def _cohort(day: date, counts: Sequence[tuple[int, int]], today: date) -> Cohort:
    users = dict(counts)
    days_over = (today - day).days - 1
    return Cohort(
        day,
        users[0],
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
