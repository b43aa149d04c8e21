"""Answers a question from the rollups: a row for each interval and each name it is broken down by.

PostgreSQL adds up the rollups. Unique users cannot be added up, so they are read where they were
counted for exactly this question (`console.reports.reach`). Money is converted by the rate of its
day.
"""

from dataclasses import replace
from datetime import timedelta

from console.apps.apps import App
from console.rates import Rates, newest_rate_day
from console.reports.bounds import midnight, rollup_bounds
from console.reports.question import Question
from console.reports.reach import read_reach
from console.reports.report import ROWS_MAX, Report
from console.reports.sums.catalog import Catalog, read_catalog
from console.reports.sums.report_builder import ReportBuilder
from shared.database import Connection, run
from shared.errors import OperatorError

_FRESHNESS = """
SELECT max(counted_at), (
    SELECT count(*) FROM counted_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
      AND start >= %(days_from)s AND start < %(days_until)s AND zone <> %(zone)s
), (
    SELECT count(DISTINCT (grain, start)) FROM stale_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND CASE grain
        WHEN 'day' THEN start >= %(days_from)s AND start < %(days_until)s
        ELSE start >= %(hours_from)s AND start < %(hours_until)s
    END
)
FROM counted_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
"""

TOO_MANY_ROWS = (
    f"The report would have more than {ROWS_MAX:,} rows. Choose fewer days, a daily instead of an "
    "hourly report, fewer breakdowns, or some partners, links or countries."
)


def read_report(
    connection: Connection,
    app: App,
    question: Question,
    rates: Rates,
    catalog: Catalog | None = None,
) -> Report:
    """Answers a question from the rollups; reads the catalog unless it is given.

    Raises OperatorError when a filter names something that does not exist, or for too many rows.
    """
    question = replace(question, time_zone=app.time_zone)
    catalog = catalog or read_catalog(connection, app)
    names = catalog.names
    bounds = rollup_bounds(app, question, names)
    builder = ReportBuilder(question, names, rates, catalog.levels)
    if not builder.add_rollups(connection, bounds) or builder.row_count > ROWS_MAX:
        raise OperatorError(TOO_MANY_ROWS)
    builder.add_users(read_reach(connection, question, names, bounds))
    period = question.period
    arguments = {
        **bounds,
        "zone": app.time_zone,
        "days_from": midnight(period.first),
        "days_until": midnight(period.last + timedelta(days=1)),
        "hours_from": app.days.start(period.first),
        "hours_until": app.days.end(period.last),
    }
    [(counted_at, other_zone_days, stale)] = run(connection, _FRESHNESS, arguments)
    return Report(
        question,
        builder.rows(),
        builder.total,
        builder.conversion_rates(),
        counted_at,
        int(stale),
        newest_rate_day(),
        other_zone_days=other_zone_days,
    )
