"""What a report is asked for. Everything in it is checked here, so that nobody else has to."""

from dataclasses import dataclass
from enum import StrEnum

from console.reports.period import Period
from console.reports.rates import REFERENCE
from shared.errors import OperatorError
from shared.events import Environment

HOURLY_DAYS_MAX = 31


class By(StrEnum):
    """What a row of a report stands for: an hour, a day (UTC), or all of the days."""

    HOUR = "hour"
    DAY = "day"
    TOTAL = "total"


class Split(StrEnum):
    """By what the rows of a period are told apart."""

    NONE = "none"
    PARTNER = "partner"
    LINK = "link"
    CAMPAIGN = "campaign"
    COUNTRY = "country"
    EVENT = "event"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Names as a report shows them, a campaign as its click named it; None: any. A country may be
    named by its code.
    """

    partner: str | None = None
    link: str | None = None
    campaign: str | None = None
    country: str | None = None
    event: str | None = None

    @property
    def named(self) -> frozenset[Split]:
        """What is filtered by."""
        return frozenset(
            split for split in Split if split is not Split.NONE and getattr(self, split) is not None
        )


@dataclass(frozen=True, kw_only=True)
class Question:
    """Raises OperatorError for more hours than a report shows."""

    period: Period
    environment: str = Environment.PRODUCTION
    by: By = By.DAY
    split: Split = Split.NONE
    filters: Filters = Filters()
    currency: str = REFERENCE

    def __post_init__(self) -> None:
        if self.by is By.HOUR and self.period.days > HOURLY_DAYS_MAX:
            raise OperatorError(
                f"By the hour, a report shows {HOURLY_DAYS_MAX} days at most. Ask for fewer days, "
                "or for figures by day."
            )

    @property
    def asks_events(self) -> bool:
        """Whether its figures are those of single event types: what users did besides has none."""
        return self.split is Split.EVENT or self.filters.event is not None
