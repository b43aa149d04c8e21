"""Reads clicks, impressions and the installs that came of them, from their own rollups.

They are known by link, source, campaign and sub ID: a click has no country and no event type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.reports.filters import Split
from console.reports.question import Interval, Question
from console.reports.sums.conditions import OF_CAMPAIGN, OF_ORIGIN, OF_SUB_ID
from console.reports.sums.dimensions import selected_columns
from console.reports.sums.levels import Levels
from shared.database import Connection, run

_UNKNOWN_OF_CLICKS = {Split.COUNTRY, Split.EVENT}
_TRAFFIC = f"""
SELECT
    {{columns}}sum(clicks)::bigint, sum(impressions)::bigint, sum(click_installs)::bigint,
    sum(view_installs)::bigint, sum(delay_ms), sum(delay_10s)::bigint, sum(delay_1m)::bigint,
    sum(delay_1h)::bigint, sum(delay_1d)::bigint, sum(delay_7d)::bigint, sum(delay_more)::bigint
FROM {{traffic}}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
  AND {OF_ORIGIN} AND {OF_CAMPAIGN} AND {OF_SUB_ID}
GROUP BY {{columns}}environment
LIMIT %(rows_max)s
"""
SUMS = 11  # at the end of each row
DELAYS = ("10 seconds", "1 minute", "1 hour", "1 day", "7 days", "more")


@dataclass
class Traffic:
    """Clicks and impressions, and the installs that are credited to them.

    The installs are those of the same hours and days, not those of the same clicks. `delays` counts
    the installs of clicks by how long after the click they came: up to 10 seconds, a minute, an
    hour, a day, 7 days, more; `seconds_to_install` is the mean. It and `conversion_rate`, installs
    for a click, are None of nothing.
    """

    impressions: int = 0
    clicks: int = 0
    click_installs: int = 0
    view_installs: int = 0
    conversion_rate: float | None = None
    seconds_to_install: float | None = None
    delay_ms: int = 0
    delays: tuple[int, ...] = (0,) * len(DELAYS)

    def add(self, sums: Sequence[Any]) -> None:
        """Adds the sums at the end of a row."""
        clicks, impressions, click_installs, view_installs, delay_ms, *delays = sums
        self.clicks += clicks
        self.impressions += impressions
        self.click_installs += click_installs
        self.view_installs += view_installs
        self.delay_ms += int(delay_ms)
        self.delays = tuple(map(sum, zip(self.delays, delays, strict=True)))
        if self.clicks:
            self.conversion_rate = self.click_installs / self.clicks
        if self.click_installs:
            self.seconds_to_install = self.delay_ms / 1000 / self.click_installs

    @property
    def is_something(self) -> bool:
        return bool(self.impressions or self.clicks or self.click_installs or self.view_installs)


def has_traffic(question: Question) -> bool:
    """Tells whether clicks are known by everything that a question asks for."""
    return not _UNKNOWN_OF_CLICKS & question.dimensions


def read_traffic(
    connection: Connection, question: Question, levels: Levels, bounds: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Returns sums of rollups, at most `rows_max` rows, of a question that `has_traffic`.

    A row begins with its hour or day, unless it is a total, and the columns of its breakdowns.
    """
    start = "" if question.by is Interval.TOTAL else "start, "
    statement = _TRAFFIC.format(
        columns=start + selected_columns(question.splits),
        traffic=levels.traffic_by(question.dimensions),
    )
    return run(connection, statement, bounds).fetchall()
