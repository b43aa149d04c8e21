"""Reads what the filters of a report offer: names of the app, and keys of the period's rollups."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.apps.apps import App
from console.reports.bounds import rollup_bounds
from console.reports.names import ORGANIC, country_label, read_names, source_name
from console.reports.question import Question
from shared.database import Connection, run

CHOICES_MAX = 200

_SOURCES = """
SELECT DISTINCT source FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND source <> ''
ORDER BY source LIMIT %(choices_max)s
"""
_CAMPAIGNS = """
SELECT DISTINCT campaign FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND campaign <> ''
ORDER BY campaign LIMIT %(choices_max)s
"""
_SUB_IDS = """
SELECT DISTINCT sub_id FROM traffic
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(from)s AND start < %(until)s AND sub_id <> ''
ORDER BY sub_id LIMIT %(choices_max)s
"""
_COUNTRIES = """
SELECT DISTINCT country FROM figures
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


def read_choices(connection: Connection, app: App, question: Question) -> Choices:
    names = read_names(connection, app)
    bounds = {**rollup_bounds(app, question, names), "choices_max": CHOICES_MAX}
    sources = [source_name(source) for (source,) in run(connection, _SOURCES, bounds)]
    countries = run(connection, _COUNTRIES, bounds)
    return Choices(
        partners=[*sorted(set(names.partners.values())), *sources, ORGANIC],
        links=sorted(names.links.values()),
        campaigns=[campaign for (campaign,) in run(connection, _CAMPAIGNS, bounds)],
        sub_ids=[sub_id for (sub_id,) in run(connection, _SUB_IDS, bounds)],
        countries=sorted(country_label(code) for (code,) in countries),
        events=sorted(names.events.values()),
    )
