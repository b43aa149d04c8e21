"""Chooses the smallest rollups that know everything a question asks for.

Beside the rollups by everything (`figures`, `traffic`) workers keep their sums: by origin, by
campaign and by country or sub ID (`figure_sums`, `traffic_sums`), and of days by partner and
country (`place_sums`). A day has hundreds or thousands of rows there instead of tens of thousands.
They are complete once the upgrade that brought them is finished.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from console.reports.filters import Split
from console.reports.sums.conditions import OF_ORIGIN, OF_PARTNER
from shared.database import Connection, run

_ORIGINS = {Split.PARTNER, Split.LINK}
_PLACES = {Split.PARTNER, Split.COUNTRY}
# `partner_id` is 0 without a link, and -1 of a link that is not known.
_PARTNER = "coalesce(linked.partner_id, CASE each.link_id WHEN 0 THEN 0 ELSE -1 END) AS partner_id"
_LINKS = "LEFT JOIN links AS linked ON linked.id = each.link_id"
_ORGANIC = "CASE WHEN link_id = 0 AND source = '' THEN installs ELSE 0 END AS organic"
_FIGURES = f"(SELECT each.*, {_ORGANIC}, {_PARTNER} FROM figures AS each {_LINKS}) AS figures"
_SUMS = f"SELECT each.*, {_PARTNER} FROM figure_sums AS each {_LINKS}"
_FIGURES_BY_ORIGIN = f"({_SUMS} WHERE level = 'origin') AS figures"
_FIGURES_BY_CAMPAIGN = f"({_SUMS} WHERE level = 'campaign') AS figures"
_FIGURES_BY_COUNTRY = f"({_SUMS} WHERE level = 'country') AS figures"
_FIGURES_BY_PLACE = (
    "(SELECT *, 'day' AS grain, 0 AS link_id, '' AS campaign FROM place_sums) AS figures"
)
_TRAFFIC = f"(SELECT each.*, {_PARTNER} FROM traffic AS each {_LINKS}) AS traffic"
_TRAFFIC_SUMS = f"SELECT each.*, {_PARTNER} FROM traffic_sums AS each {_LINKS}"
_TRAFFIC_BY_ORIGIN = f"({_TRAFFIC_SUMS} WHERE level = 'origin') AS traffic"
_TRAFFIC_BY_CAMPAIGN = f"({_TRAFFIC_SUMS} WHERE level = 'campaign') AS traffic"
_TRAFFIC_BY_SUB_ID = f"({_TRAFFIC_SUMS} WHERE level = 'sub_id') AS traffic"
_EARNINGS = f"(SELECT each.*, {_PARTNER} FROM earnings AS each {_LINKS}) AS earnings"
_EARNINGS_OF_ALL = "(SELECT *, 0 AS link_id, '' AS source FROM earning_sums) AS earnings"
COMEBACKS = f"(SELECT each.*, {_PARTNER} FROM comebacks AS each {_LINKS}) AS comebacks"

_FINISHED = """
SELECT coalesce(bool_or(name LIKE '%%rollup_sums.after'), false),
       coalesce(bool_or(name LIKE '%%place_sums.after'), false)
FROM schema_migrations
"""


@dataclass(frozen=True)
class Levels:
    """The rollups that there are.

    `has_sums` is true once `figure_sums` and `traffic_sums` are complete, `has_places` once
    `place_sums` and `earning_sums` are. What the methods return is what to read as `figures`,
    `traffic` or `earnings`, as FROM names it.
    """

    has_sums: bool
    has_places: bool

    def figures_by(self, dimensions: AbstractSet[Split], *, is_daily: bool = False) -> str:
        """Returns the smallest figures that know these breakdowns and filters.

        With `is_daily` only days are read, of which there are more sums.
        """
        needed = dimensions - {Split.EVENT}
        if needed <= _ORIGINS:
            smallest = _FIGURES_BY_ORIGIN
        elif needed == {Split.COUNTRY}:
            smallest = _FIGURES_BY_COUNTRY
        elif needed <= {*_ORIGINS, Split.CAMPAIGN}:
            smallest = _FIGURES_BY_CAMPAIGN
        else:
            return _FIGURES_BY_PLACE if self._is_of_places(needed, is_daily) else _FIGURES
        return smallest if self.has_sums else _FIGURES

    def origins_by(self, dimensions: AbstractSet[Split], *, is_daily: bool = False) -> str:
        """Returns the condition of partners, links and sources that `figures_by` can answer."""
        needed = dimensions - {Split.EVENT}
        return OF_PARTNER if self._is_of_places(needed, is_daily) else OF_ORIGIN

    def _is_of_places(self, needed: AbstractSet[Split], is_daily: bool) -> bool:
        return self.has_places and is_daily and needed == _PLACES

    def traffic_by(self, dimensions: AbstractSet[Split]) -> str:
        """Returns the smallest traffic that knows these breakdowns and filters.

        Sub IDs alone are those of all partners: a breakdown by them names the partner too.
        """
        if dimensions <= _ORIGINS:
            smallest = _TRAFFIC_BY_ORIGIN
        elif dimensions <= {*_ORIGINS, Split.CAMPAIGN}:
            smallest = _TRAFFIC_BY_CAMPAIGN
        else:
            return _TRAFFIC
        return smallest if self.has_sums else _TRAFFIC

    def sub_ids_of_all(self) -> str:
        """Returns the smallest traffic that knows sub IDs, whoever used them."""
        return _TRAFFIC_BY_SUB_ID if self.has_sums else _TRAFFIC

    def earnings_by(self, *, is_of_all: bool) -> str:
        """Returns the smallest earnings; those of all users together do not know their sources."""
        return _EARNINGS_OF_ALL if is_of_all and self.has_places else _EARNINGS


def read_levels(connection: Connection) -> Levels:
    row = run(connection, _FINISHED).fetchone()
    assert row is not None
    return Levels(*row)
