"""The question that a report answers, checked here once, so that no other module checks it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from console.rates import REFERENCE
from console.reports.filters import NO_FILTERS, Filters, Split
from console.reports.period import Period
from shared.errors import OperatorError
from shared.events import Environment
from shared.zones.app_days import UTC_ZONE, AppDays

HOURLY_DAYS_MAX = 31
SPLITS_MAX = 3
# The dimensions whose rows have one partner each, which their names contain.
_OF_ONE_PARTNER = {Split.LINK, Split.CAMPAIGN, Split.SUB_ID}


class Interval(StrEnum):
    """The time that a row of a report covers: an hour, a day of the app, or the whole period."""

    HOUR = "hour"
    DAY = "day"
    TOTAL = "total"


class Against(StrEnum):
    """The earlier period that a report is compared with."""

    NOTHING = "none"
    PREVIOUS = "previous"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Question:
    """The period, environment, breakdowns, filters and currency of a report.

    Rows are broken down by `split` and within it by each of `then`. Whoever answers sets the
    `time_zone`, which is that of the app.
    Raises OperatorError for more days than an hourly report shows, and for more breakdowns than a
    report has, or one of them twice.
    """

    period: Period
    environment: str = Environment.PRODUCTION
    by: Interval = Interval.DAY
    split: Split = Split.NONE
    then: tuple[Split, ...] = ()
    filters: Filters = NO_FILTERS
    currency: str = REFERENCE
    against: Against = Against.NOTHING
    time_zone: str = UTC_ZONE

    def __post_init__(self) -> None:
        if self.by is Interval.HOUR and self.period.days > HOURLY_DAYS_MAX:
            raise OperatorError(
                f"An hourly report covers at most {HOURLY_DAYS_MAX} days. Choose fewer days, or a "
                "daily report."
            )
        asked = (self.split, *self.then)
        if len(asked) > SPLITS_MAX:
            raise OperatorError(f"A report has at most {SPLITS_MAX} breakdowns. Leave some out.")
        if self.then and len({Split.NONE, *asked}) != len(asked) + 1:
            raise OperatorError("Each breakdown of a report must be another one.")

    @property
    def days(self) -> AppDays:
        """Returns the days of the time zone."""
        return AppDays(self.time_zone)

    @property
    def splits(self) -> tuple[Split, ...]:
        """Returns the breakdowns, the widest first."""
        return () if self.split is Split.NONE else (self.split, *self.then)

    @property
    def told_apart(self) -> frozenset[Split]:
        """Returns the dimensions that have one value in each row, as its breakdowns tell them."""
        partner = {Split.PARTNER} if _OF_ONE_PARTNER & {*self.splits} else set()
        return frozenset({*self.splits, *partner})

    @property
    def dimensions(self) -> frozenset[Split]:
        """Returns the dimensions that have a breakdown or a filter."""
        return self.filters.filtered | {*self.splits}

    @property
    def compares_rows(self) -> bool:
        """Tells whether each name is compared, and not the total alone."""
        is_of_names = self.by is Interval.TOTAL and self.split is not Split.NONE
        return is_of_names and self.against is not Against.NOTHING

    @property
    def is_per_event_type(self) -> bool:
        """Tells whether the report is about single event types.

        Metrics of users, such as installs and sessions, do not belong to an event type.
        """
        return Split.EVENT in self.dimensions

    @property
    def is_of_sub_ids(self) -> bool:
        """Tells whether the report is about sub IDs.

        Only clicks, impressions and the installs that came of them are known of these.
        """
        return Split.SUB_ID in self.dimensions


def breakdown(asked: Iterable[Split]) -> tuple[Split, tuple[Split, ...]]:
    """Returns `split` and `then` of a question; "none" and what is asked twice are left out."""
    splits = tuple(dict.fromkeys(split for split in asked if split is not Split.NONE))
    return (splits[0], splits[1:]) if splits else (Split.NONE, ())
