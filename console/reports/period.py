"""The days that a report covers."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from console.moments import checked_day
from shared.errors import BadValue

MONTH_DAYS = 30
REPORT_DAYS_MAX = 400


class Preset(StrEnum):
    """A period by the day on which it is asked for.

    It ends today: some days, or what there is of a month, quarter or year. Or it is over: the day,
    week (from Monday) or month before.
    """

    TODAY = "today"
    WEEK = "7d"
    FOUR_WEEKS = "28d"
    NINETY_DAYS = "90d"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    YESTERDAY = "yesterday"
    LAST_WEEK = "last_week"
    LAST_MONTH = "last_month"

    def last_day(self, today: date) -> date:
        """Returns the last day of the period."""
        match self:
            case Preset.YESTERDAY:
                return today - timedelta(days=1)
            case Preset.LAST_WEEK:
                return today - timedelta(days=today.isoweekday())
            case Preset.LAST_MONTH:
                return today.replace(day=1) - timedelta(days=1)
        return today

    def first_day(self, today: date) -> date:  # noqa: PLR0911 - one a kind of preset
        """Returns the first day of the period."""
        last = self.last_day(today)
        match self:
            case Preset.YESTERDAY:
                return last
            case Preset.LAST_WEEK:
                return last - timedelta(days=6)
            case Preset.LAST_MONTH:
                return last.replace(day=1)
            case Preset.MONTH:
                return today.replace(day=1)
            case Preset.QUARTER:
                return today.replace(month=today.month - (today.month - 1) % 3, day=1)
            case Preset.YEAR:
                return today.replace(month=1, day=1)
        return today - timedelta(days=_PRESET_DAYS[self] - 1)


_PRESET_DAYS = {Preset.TODAY: 1, Preset.WEEK: 7, Preset.FOUR_WEEKS: 28, Preset.NINETY_DAYS: 90}
PRESET_LABELS = {
    Preset.TODAY: "Today",
    Preset.WEEK: "7 days",
    Preset.FOUR_WEEKS: "28 days",
    Preset.NINETY_DAYS: "90 days",
    Preset.MONTH: "Month",
    Preset.QUARTER: "Quarter",
    Preset.YEAR: "Year",
    Preset.YESTERDAY: "Yesterday",
    Preset.LAST_WEEK: "Last week",
    Preset.LAST_MONTH: "Last month",
}
DEFAULT = Preset.FOUR_WEEKS


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included.

    Raises BadValue when `first` is after `last`, the period is too long, or in no year of ours.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        checked_day("from", self.first)
        checked_day("to", self.last)
        if not 1 <= self.days <= REPORT_DAYS_MAX:
            rule = f"must be at most {REPORT_DAYS_MAX} days before the last day, and not after it."
            raise BadValue("from", rule)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def period_of(
    first: date | None, last: date | None, today: date, preset: Preset | None = None
) -> Period:
    """Returns the preset's period, or that from `first` to `last`, with defaults for what is None.

    The last day defaults to today; the first, to 28 days in all. Raises BadValue when both a preset
    and days are given.
    """
    if preset and (first or last):
        raise BadValue("period", "cannot be combined with the first or last day. Give either.")
    if preset:
        return Period(preset.first_day(today), preset.last_day(today))
    last = checked_day("to", last or today)
    return Period(first or DEFAULT.first_day(last), last)


def preset_of(period: Period, today: date) -> Preset | None:
    """Returns the preset that means this period today, the shortest if there are several."""
    presets = (
        preset
        for preset in Preset
        if Period(preset.first_day(today), preset.last_day(today)) == period
    )
    return next(presets, None)
