"""Reads what the filters of a report offer: names of the app, and keys of the period's rollups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from console.apps.apps import App
from console.reports.bounds import rollup_bounds
from console.reports.filters import Split
from console.reports.names import ORGANIC, Names, country_label, read_names, source_name
from console.reports.question import Interval, Question
from console.reports.sums.levels import Levels, read_levels
from shared.database import Connection, run

CHOICES_MAX = 200

_SOURCES = """
SELECT DISTINCT source FROM {figures}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND source <> ''
ORDER BY source LIMIT %(choices_max)s
"""
_CAMPAIGNS = """
SELECT DISTINCT campaign FROM {figures}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND campaign <> ''
ORDER BY campaign LIMIT %(choices_max)s
"""
_SUB_IDS = """
SELECT DISTINCT sub_id FROM {traffic}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND sub_id <> ''
ORDER BY sub_id LIMIT %(choices_max)s
"""
_COUNTRIES = """
SELECT DISTINCT country FROM {figures}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s
"""  # needs no limit: there are no more than countries in the world


@dataclass(frozen=True)
class Choices:
    """The values that each filter of a report offers."""

    partners: Sequence[str]
    links: Sequence[str]
    campaigns: Sequence[str]
    sub_ids: Sequence[str]
    countries: Sequence[str]
    events: Sequence[str]


def read_sources(connection: Connection, app: App, question: Question) -> list[str]:
    """Returns the partners, and the sources of the period, that a filter of them offers."""
    names, levels = read_names(connection, app), read_levels(connection)
    return _sources(connection, names, levels, _bounds(app, question, names))


def read_choices(connection: Connection, app: App, question: Question) -> Choices:
    names, levels = read_names(connection, app), read_levels(connection)
    bounds = _bounds(app, question, names)
    by_campaign = levels.figures_by({Split.CAMPAIGN})
    by_country = levels.figures_by({Split.COUNTRY})
    by_sub_id = levels.sub_ids_of_all()
    campaigns = run(connection, _CAMPAIGNS.format(figures=by_campaign), bounds)
    sub_ids = run(connection, _SUB_IDS.format(traffic=by_sub_id), bounds)
    countries = run(connection, _COUNTRIES.format(figures=by_country), bounds)
    return Choices(
        partners=_sources(connection, names, levels, bounds),
        links=sorted(names.links.values()),
        campaigns=[campaign for (campaign,) in campaigns],
        sub_ids=[sub_id for (sub_id,) in sub_ids],
        countries=sorted(country_label(code) for (code,) in countries),
        events=sorted(names.events.values()),
    )


def _sources(
    connection: Connection, names: Names, levels: Levels, bounds: Mapping[str, object]
) -> list[str]:
    by_origin = levels.figures_by({Split.PARTNER})
    sources = run(connection, _SOURCES.format(figures=by_origin), bounds)
    of_sources = [source_name(source) for (source,) in sources]
    return [*sorted(set(names.partners.values())), *of_sources, ORGANIC]


def _bounds(app: App, question: Question, names: Names) -> dict[str, object]:
    of_days = rollup_bounds(app, replace(question, by=Interval.DAY), names)
    return {**of_days, "choices_max": CHOICES_MAX}
