"""Reads how many of an app's new users come back, by the day of their first event.

The users of each day are the installs of `figures`, and those who came back after 1 to 30 days are
in `comebacks`: daily rollups, read by index, so that the cost depends on the days that are shown.
Days are those of the app, of event time. A user comes back on a day with a session in it, or with
any event (`active_by`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from console.apps.apps import ActiveBy, App
from console.reports.activity import ActivityQuestion
from console.reports.filters import Split
from console.reports.sums.levels import read_levels
from shared.database import Connection, run

RETENTION_DAYS_MAX = 30
FIRST_SEEN = {ActiveBy.SESSIONS: "first", ActiveBy.EVENTS: "first_event"}

RETAINED_USERS = """
SELECT (start AT TIME ZONE 'UTC')::date, 0 AS after_days, sum(installs)
FROM {figures}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day' AND event = ''
  AND start >= %(from)s::date::timestamp AT TIME ZONE 'UTC'
  AND start < (%(to)s::date + 1)::timestamp AT TIME ZONE 'UTC'
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
GROUP BY 1 HAVING sum(installs) > 0
UNION ALL
SELECT day - days, days, sum(users)
FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = %(since)s
  AND NOT building AND day BETWEEN %(from)s::date + 1 AND %(to)s::date + %(days)s
  AND days BETWEEN 1 AND %(days)s AND day - days BETWEEN %(from)s::date AND %(to)s::date
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
GROUP BY 1, 2
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Cohort:
    """The users whose first event was on `day`.

    `retained[n - 1]` of them were active n days later; it is None where that day is not over.
    """

    day: date
    users: int
    retained: tuple[int | None, ...]

    def share(self, after: int) -> float | None:
        """Returns the share of the users who came back `after` days later, None of no users."""
        retained = self.retained[after - 1]
        return None if retained is None or not self.users else retained / self.users


def retention(
    connection: Connection, app: App, question: ActivityQuestion, today: date
) -> list[Cohort]:
    """Returns a row for each day of the period until today, also without new users."""
    period, source = question.period, question.source
    arguments = {
        "app_id": app.id,
        "environment": question.environment,
        "from": period.first,
        "to": period.last,
        "days": RETENTION_DAYS_MAX,
        "since": FIRST_SEEN[question.by],
        "link_ids": source and list(source.link_ids),
        "source": source and source.source,
    }
    statement = RETAINED_USERS.format(figures=read_levels(connection).figures_by({Split.PARTNER}))
    rows = run(connection, statement, arguments).fetchall()
    counts = {
        day: {after: int(users) for _, after, users in of_day}
        for day, of_day in groupby(rows, key=lambda row: row[0])
    }
    days = [period.first + timedelta(days=number) for number in range(period.days)]
    cohorts = []
    for day in (day for day in days if day <= today or day in counts):
        users, days_over = counts.get(day, {}), (today - day).days - 1
        retained = tuple(
            users.get(after, 0) if after <= days_over else None
            for after in range(1, RETENTION_DAYS_MAX + 1)
        )
        cohorts.append(Cohort(day, users.get(0, 0), retained))
    return cohorts
