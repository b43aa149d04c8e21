"""The days that a report covers."""

from dataclasses import dataclass
from datetime import date, timedelta

from shared.errors import BadValue

MONTH_DAYS = 30
REPORT_DAYS_MAX = 400


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included.

    Raises BadValue when `first` is after `last`, or the period is too long.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 1 <= self.days <= REPORT_DAYS_MAX:
            rule = f"must be at most {REPORT_DAYS_MAX} days before the last day, and not after it."
            raise BadValue("from", rule)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """Returns the period from `first` to `last`, with defaults for what is None.

    The last day defaults to yesterday, because today is not over; the first, to 30 days in all.
    """
    last = last or today - timedelta(days=1)
    return Period(first or last - timedelta(days=MONTH_DAYS - 1), last)
