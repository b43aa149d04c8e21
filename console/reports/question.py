"""The question that a report answers, checked here once, so that no other module checks it."""

from dataclasses import dataclass
from enum import StrEnum

from console.rates import REFERENCE
from console.reports.period import Period
from shared.errors import OperatorError
from shared.events import Environment

HOURLY_DAYS_MAX = 31


class Interval(StrEnum):
    """The time that a row of a report covers: an hour, a day (UTC), or the whole period."""

    HOUR = "hour"
    DAY = "day"
    TOTAL = "total"


class Split(StrEnum):
    """The dimension by which the rows of an interval are broken down."""

    NONE = "none"
    PARTNER = "partner"
    LINK = "link"
    CAMPAIGN = "campaign"
    SUB_ID = "sub_id"
    COUNTRY = "country"
    EVENT = "event"


class Against(StrEnum):
    """The earlier period that a report is compared with."""

    NOTHING = "none"
    PREVIOUS = "previous"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Names as a report shows them, or None for any.

    Campaigns and sub IDs are named as their clicks named them.

    A country may also be named by its code.
    """

    partner: str | None = None
    link: str | None = None
    campaign: str | None = None
    sub_id: str | None = None
    country: str | None = None
    event: str | None = None

    @property
    def filtered(self) -> frozenset[Split]:
        """Returns the dimensions that have a filter."""
        return frozenset(
            split for split in Split if split is not Split.NONE and getattr(self, split) is not None
        )


@dataclass(frozen=True, kw_only=True)
class Question:
    """The period, environment, breakdown, filters and currency of a report.

    Raises OperatorError for more days than an hourly report shows.
    """

    period: Period
    environment: str = Environment.PRODUCTION
    by: Interval = Interval.DAY
    split: Split = Split.NONE
    filters: Filters = Filters()
    currency: str = REFERENCE
    against: Against = Against.NOTHING

    def __post_init__(self) -> None:
        if self.by is Interval.HOUR and self.period.days > HOURLY_DAYS_MAX:
            raise OperatorError(
                f"An hourly report covers at most {HOURLY_DAYS_MAX} days. Choose fewer days, or a "
                "daily report."
            )

    @property
    def is_per_event_type(self) -> bool:
        """Tells whether the report is about single event types.

        Metrics of users, such as installs and sessions, do not belong to an event type.
        """
        return self.split is Split.EVENT or self.filters.event is not None

    @property
    def is_of_sub_ids(self) -> bool:
        """Tells whether the report is about sub IDs.

        Only clicks, impressions and the installs that came of them are known of these.
        """
        return self.split is Split.SUB_ID or self.filters.sub_id is not None
