"""A schedule: a report that is sent regularly to an address of mail or to a webhook."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.reports.schedules.timing import Every, Timing, timing_words
from console.targets import shown_target

SCHEDULE_COLUMNS = """
    id, app_id, name, query, channel, target, every, on_day AS "on", hour, zone, follows_app,
    created_at, paused_at, next_at
"""


class ReportChannel(StrEnum):
    """A way by which reports are sent."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, kw_only=True)
class ScheduleForm:
    """A schedule as a person describes it.

    `query` is that of a page of reports. `target` is an address of mail, or a URL. Without a `zone`
    it is the app's.
    """

    name: str
    query: str
    channel: ReportChannel
    target: str
    every: Every = Every.DAY
    on: int | None = None
    hour: int = 8
    zone: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportSchedule:
    """A report that is sent regularly. `next_at` is the next time at which it is due.

    If it `follows_app`, its zone is always that of the app.
    """

    id: int
    app_id: int
    name: str
    query: str
    channel: ReportChannel
    target: str
    every: Every
    on: int | None
    hour: int
    zone: str
    follows_app: bool
    created_at: datetime
    paused_at: datetime | None
    next_at: datetime

    @property
    def timing(self) -> Timing:
        return Timing(self.every, self.on, self.hour, self.zone)

    @property
    def when(self) -> str:
        """Returns when it is sent, for people."""
        return timing_words(self.timing)

    @property
    def state(self) -> str:
        """Returns active or paused."""
        return "active" if self.paused_at is None else "paused"

    @property
    def shown_target(self) -> str:
        """Returns the target without the secrets that a URL may have."""
        return shown_target(self.channel, self.target)


def schedule_from_row(row: dict[str, Any]) -> ReportSchedule:
    """Returns the schedule of a row with SCHEDULE_COLUMNS."""
    channel, every = ReportChannel(row["channel"]), Every(row["every"])
    return ReportSchedule(**{**row, "channel": channel, "every": every})
