"""Tells how far workers have come with counting days again after an app's time zone has changed."""

from dataclasses import dataclass
from datetime import date, datetime

from console.apps.apps import App
from shared.database import Connection, run

_LEFT = """
SELECT count(DISTINCT start) FILTER (WHERE NOT has_expired),
       (max(start) FILTER (WHERE has_expired) AT TIME ZONE 'UTC')::date
FROM (
    SELECT start, (start AT TIME ZONE 'UTC') AT TIME ZONE %(zone)s::text
        < coalesce((
            SELECT greatest(counted_before, clicks_counted_before) FROM retention
            WHERE app_id = %(app_id)s
        ), '-infinity') AS has_expired
    FROM counted_periods
    WHERE app_id = %(app_id)s AND grain = 'day' AND zone <> %(zone)s
) AS days
"""


@dataclass(frozen=True)
class Recount:
    """Days that are not in an app's time zone, which it has since `since`.

    `days_left` are still to be counted again. Those until `kept_until` never are, because events or
    clicks of theirs have expired; None if there are none.
    """

    zone: str
    since: datetime
    days_left: int
    kept_until: date | None

    @property
    def sentences(self) -> str:
        """Returns what people have to know of it."""
        texts = []
        if self.days_left:
            days = "1 day" if self.days_left == 1 else f"{self.days_left:,} days"
            texts.append(
                f"Since {self.since:%Y-%m-%d %H:%M} UTC, days are counted again in {self.zone}, "
                f"the newest first: {days} left. Until then a day shows what it had in the time "
                "zone before."
            )
        if self.kept_until:
            texts.append(
                f"Days until {self.kept_until} stay in the time zone before, because events or "
                "clicks of theirs have expired; the first one after them may share hours with the "
                "last of them, or leave some out."
            )
        return " ".join(texts)


def read_recount(connection: Connection, app: App) -> Recount | None:
    """Returns which days of an app are not in its time zone, None if all of them are."""
    if app.time_zone_at is None:
        return None
    arguments = {"app_id": app.id, "zone": app.time_zone}
    [(days_left, kept_until)] = run(connection, _LEFT, arguments)
    if not days_left and kept_until is None:
        return None
    return Recount(app.time_zone, app.time_zone_at, int(days_left), kept_until)
