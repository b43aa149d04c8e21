"""A report: the answer to a question, with a row for each interval and for each name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from console.reports.figures import Figures
from console.reports.question import Question

ROWS_MAX = 5_000
NAME_SEPARATOR = " · "


@dataclass(frozen=True)
class RowComparison:
    """The sums of a row in the period and in the earlier one, without unique users.

    Both end at the hour that the comparison of the report names.
    """

    current: Figures
    earlier: Figures


@dataclass(frozen=True)
class ReportRow:
    """The metrics of one interval and of one value of each breakdown.

    `start` is None in a report of the total; there are no `names` where nothing is broken down.
    `name` has them together, for people. `so_far` marks an hour or day that is not over.
    `comparison` is None unless each name is compared with an earlier period.
    """

    start: datetime | None
    names: tuple[str, ...]
    figures: Figures
    so_far: bool = False
    comparison: RowComparison | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", NAME_SEPARATOR.join(self.names))


@dataclass(frozen=True)
class ConversionRates:
    """The first and last day of the rates that converted a currency.

    Both are None where there are no rates; the currency's amounts are then in no sum.
    """

    currency: str
    first: date | None
    last: date | None


@dataclass(frozen=True)
class Comparison:
    """The totals of a period and of an earlier one, without unique users.

    `first` and `last` are the days of the earlier period. `until` is the hour up to which both are
    added up on their last day, None if the period is over.
    """

    first: date
    last: date
    until: datetime | None
    current: Figures
    earlier: Figures


@dataclass(frozen=True)
class Report:
    """The answer to a question.

    `counted_at` is the time of the newest rollup, `stale` the number of hours and days that have
    changed since they were rolled up. `rates_until` is the day of the newest exchange rates.
    `other_zone_days` are days of the period that are not counted in the app's time zone, because it
    has changed. `is_complete` tells whether hours and days without events have rows too.
    """

    question: Question
    rows: Sequence[ReportRow]
    total: Figures
    rates: Sequence[ConversionRates]
    counted_at: datetime | None
    stale: int
    rates_until: date | None = None
    is_complete: bool = False
    comparison: Comparison | None = None
    other_zone_days: int = 0

    @property
    def has_data(self) -> bool:
        """Tells whether anything was counted, so that not all rows are zeros."""
        return any(
            row.figures.is_something or (row.comparison and row.comparison.earlier.is_something)
            for row in self.rows
        )
