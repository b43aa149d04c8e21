"""Knows where the days of a time zone begin and end.

A day begins when the zone's clock first shows its date, and ends when the next one begins. So days
leave no gap and never overlap, also where the clock is put back across midnight, where it skips
midnight, and where it skips a whole date, which is a day of no length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from shared.errors import BadValue, WaybillError

UTC_ZONE = "UTC"
ZONE_LENGTH_MAX = 64

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class UnknownZone(WaybillError):
    """A time zone that another process has accepted, and that this one has no data of."""

    code = "unknown_zone"

    def __init__(self) -> None:
        super().__init__(
            "This process has no data of the app's time zone. Update the time zone data of its "
            "machine (tzdata), and restart it."
        )


@dataclass(frozen=True)
class AppDays:
    """The days of an app: those of its time zone, by its IANA name.

    Raises UnknownZone where it needs data of the zone and there are none.
    """

    zone: str = UTC_ZONE

    def start(self, day: date) -> datetime:
        """Returns the first moment of a day, in UTC."""
        if self.zone == UTC_ZONE:
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return _start_in(self.zone, day)

    def end(self, day: date) -> datetime:
        """Returns the first moment after a day, in UTC; the last that there is for the last day."""
        return _LAST if day == date.max else self.start(day + _DAY)

    def day_of(self, moment: datetime) -> date:
        """Returns the day of a moment."""
        if self.zone == UTC_ZONE:
            return moment.astimezone(UTC).date()
        day = self.local(moment).date()
        while self.start(day) > moment and day > date.min:
            day -= _DAY
        while self.end(day) <= moment and day < date.max:
            day += _DAY
        return day

    def hour_start(self, moment: datetime) -> datetime:
        """Returns the start of the hour of a moment; hours are counted from the day's start.

        The last hour of a day is shorter where the clock moves by less than an hour.
        """
        start = self.start(self.day_of(moment))
        return start + (moment - start) // _HOUR * _HOUR

    def hour_end(self, start: datetime) -> datetime:
        """Returns the end of the hour that starts then."""
        if self.zone == UTC_ZONE:
            return start + _HOUR
        return min(start + _HOUR, self.end(self.day_of(start)))

    def hours(self, day: date) -> Iterator[datetime]:
        """Yields the starts of the hours of a day: 24 of them, 23 or 25 where the clock moves."""
        hour, end = self.start(day), self.end(day)
        while hour < end:
            yield hour
            hour += _HOUR

    def local(self, moment: datetime) -> datetime:
        """Returns a moment as the zone's clock shows it, with its distance from UTC.

        So two hours of one name, when the clock is put back, are different values.
        """
        if self.zone == UTC_ZONE:
            return moment.astimezone(UTC)
        try:
            shown = moment.astimezone(zone_named(self.zone))
        except OverflowError:
            return moment
        return shown.replace(tzinfo=timezone(shown.utcoffset() or timedelta(0)))

    def local_start(self, day: date) -> datetime:
        """Returns the first moment of a day as the zone's clock shows it."""
        return self.local(self.start(day))

    def at(self, day: date, clock: time) -> datetime:
        """Returns when the zone's clock shows a time on a day, in UTC.

        A time that is skipped is the one an hour later; of one that comes twice it is the first.
        """
        return datetime.combine(day, clock, zone_named(self.zone)).astimezone(UTC)


UTC_DAYS = AppDays()


@lru_cache(maxsize=8_192)
def _start_in(zone: str, day: date) -> datetime:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone_named(zone))
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return _FIRST if day.year == _FIRST.year else _LAST


@lru_cache(maxsize=512)
def zone_named(name: str) -> ZoneInfo:
    """Returns a time zone that `checked_zone` has accepted. Raises UnknownZone.

    The process that accepted it may have newer data.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name, a path, a folder
        pass
    raise UnknownZone


def checked_zone(name: str) -> str:
    """Returns the name of a time zone, without spaces around it. Raises BadValue."""
    name = name.strip()
    if name not in _names():
        rule = "must be the name of a time zone, such as UTC, Europe/Berlin or Asia/Kolkata."
        raise BadValue("time-zone", rule)
    return name


def zone_names() -> list[str]:
    """Returns the names of time zones to choose from, those of regions and UTC."""
    regions = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/",
               "Europe/", "Indian/", "Pacific/")  # fmt: skip
    return [UTC_ZONE, *sorted(name for name in _names() if name.startswith(regions))]


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(
        name for name in available_timezones() if not name.startswith(("posix", "right", "local"))
    )
