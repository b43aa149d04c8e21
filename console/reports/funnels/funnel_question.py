"""The question that a funnel answers, checked here once."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from console.reports.period import Period
from shared.errors import BadValue
from shared.events import Environment
from shared.zones.app_days import UTC_ZONE

STEPS_MIN, STEPS_MAX = 2, 6
WINDOW_HOURS = 7 * 24
WINDOW_HOURS_MAX = 90 * 24


class FunnelSplit(StrEnum):
    """By what a funnel is broken down: the source that a user had at the first step."""

    NONE = "none"
    PARTNER = "partner"
    LINK = "link"


@dataclass(frozen=True, kw_only=True)
class FunnelQuestion:
    """The steps of a funnel by name, in order, and whose steps are counted.

    Whoever answers sets the `time_zone`, which is that of the app.
    Raises BadValue for too few or too many steps, for one that occurs twice, and for a window that
    is too long.
    """

    period: Period
    steps: tuple[str, ...]
    window_hours: int = WINDOW_HOURS
    split: FunnelSplit = FunnelSplit.NONE
    partner: str | None = None
    environment: str = Environment.PRODUCTION
    time_zone: str = UTC_ZONE

    def __post_init__(self) -> None:
        if not STEPS_MIN <= len(self.steps) <= STEPS_MAX:
            raise BadValue("step", f"must be given {STEPS_MIN} to {STEPS_MAX} times.")
        if len({*self.steps}) < len(self.steps):
            raise BadValue("step", "must name another event type each time.")
        if not 1 <= self.window_hours <= WINDOW_HOURS_MAX:
            raise BadValue("window_hours", f"must be from 1 to {WINDOW_HOURS_MAX}.")

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.window_hours)
