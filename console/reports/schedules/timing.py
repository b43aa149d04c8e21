"""Calculates when a report is due: daily, weekly or monthly, at an hour of a time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import BadValue

MONTH_DAY_MAX = 28  # every month has it
_SEARCHED_DAYS = 40  # longer than a month, from one due day to the next


class Every(StrEnum):
    """How often a report is sent."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Timing:
    """The hours at which a report is sent.

    `on` is the day of the week (1 for Monday) or of the month, None if it is sent daily. Raises
    BadValue.
    """

    every: Every
    on: int | None
    hour: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        last = {Every.DAY: None, Every.WEEK: 7, Every.MONTH: MONTH_DAY_MAX}[self.every]
        if last is None and self.on is not None:
            raise BadValue("on", "must be left out: the report is sent every day.")
        if last is not None and not (self.on is not None and 1 <= self.on <= last):
            what = "of the week, 1 for Monday" if self.every is Every.WEEK else "of the month"
            raise BadValue("on", f"must be the day {what}, from 1 to {last}.")
        if not 0 <= self.hour <= 23:
            raise BadValue("hour", "must be a whole number from 0 to 23.")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a name, a path, a folder
            raise BadValue("zone", "must be a time zone, such as Europe/Berlin.") from None

    def next_after(self, moment: datetime) -> datetime:
        """Returns the first time after a moment at which the report is due, in UTC."""
        day = moment.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        times = (self._time_of(day + timedelta(days=days)) for days in range(_SEARCHED_DAYS))
        return next(at for at in times if at is not None and at > moment)

    def last_until(self, moment: datetime) -> datetime:
        """Returns the last time until a moment, the moment included, in UTC."""
        day = moment.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=1)
        times = (self._time_of(day - timedelta(days=days)) for days in range(_SEARCHED_DAYS))
        return next(at for at in times if at is not None and at <= moment)

    def _time_of(self, day: date) -> datetime | None:
        """Returns the time of a day at which the report is due, None if it is not.

        An hour that clocks skip is due an hour later; one that comes twice, the first time.
        """
        on = {Every.DAY: None, Every.WEEK: day.isoweekday(), Every.MONTH: day.day}[self.every]
        if on != self.on:
            return None
        return datetime.combine(day, time(self.hour), ZoneInfo(self.zone)).astimezone(UTC)


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def timing_words(timing: Timing) -> str:
    """Returns when a report is sent, for people."""
    match timing.every, timing.on:
        case Every.WEEK, int(day):
            when = f"every {_WEEKDAYS[day - 1]}"
        case Every.MONTH, int(day):
            when = f"on day {day} of every month"
        case _:
            when = "every day"
    return f"{when} at {timing.hour:02}:00 ({timing.zone})"
