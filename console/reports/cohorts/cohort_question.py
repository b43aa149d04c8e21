"""The question that a table of cohorts answers."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from console.apps.apps import ActiveBy
from console.rates import REFERENCE
from console.reports.period import Period
from shared.events import Environment
from shared.zones.app_days import UTC_ZONE

AGES = (0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 30, 45, 60, 90, 120, 150, 180)


class CohortMetric(StrEnum):
    """What is shown of a cohort: who came back on a day, or what was paid until then."""

    RETENTION = "retention"
    LTV = "ltv"
    REVENUE = "revenue"


class CohortSpan(StrEnum):
    """The days whose new users are one cohort. A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def start_of(self, day: date) -> date:
        """Returns the first day of the span that a day is in."""
        match self:
            case CohortSpan.WEEK:
                return day - timedelta(days=day.weekday())
            case CohortSpan.MONTH:
                return day.replace(day=1)
        return day


class CohortSplit(StrEnum):
    """By what cohorts are broken down: by whom a user's first attribution credits."""

    NONE = "none"
    PARTNER = "partner"
    LINK = "link"


@dataclass(frozen=True, kw_only=True)
class CohortQuestion:
    """The new users of a period, and what is asked of them.

    Whoever answers sets the `time_zone`, which is that of the app.
    """

    period: Period
    metric: CohortMetric = CohortMetric.RETENTION
    span: CohortSpan = CohortSpan.WEEK
    split: CohortSplit = CohortSplit.NONE
    environment: str = Environment.PRODUCTION
    currency: str = REFERENCE
    active_by: ActiveBy = ActiveBy.SESSIONS
    partner: str | None = None
    time_zone: str = UTC_ZONE
