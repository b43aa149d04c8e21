"""Reads what a link brought in the last 28 days, for its page."""

from dataclasses import dataclass, replace

from console.apps.apps import App
from console.consistent_read import one_moment
from console.rates import report_currency
from console.reports.answer import answer
from console.reports.bounds import moment_of
from console.reports.charts import BarChart, LineChart
from console.reports.filters import Filters, Split, only
from console.reports.names import read_names
from console.reports.period import period_of
from console.reports.question import Interval, Question
from console.reports.report import Report
from console.reports.report_charts import report_chart
from console.reports.sheet import Share, Sheet
from console.reports.sheets import MEASURES, report_sheet
from console.reports.traffic import DELAYS, Traffic
from shared.database import Connection

SUB_IDS_MAX = 20
_CLICKS = next(measure for measure in MEASURES if measure.name == "clicks")
_COLUMNS = ("impressions", "clicks", "attributed", "conversion", "click_to_install")


@dataclass(frozen=True)
class LinkTraffic:
    """The days of a link, its sub IDs with most clicks, and the delays of its installs.

    The latter two are None where no click named a sub ID, and where no click led to an install.
    """

    report: Report
    chart: LineChart | BarChart | None
    days: Sheet
    sub_ids: Sheet | None
    delays: Sheet | None


def read_link_traffic(
    connection: Connection, app: App, link_id: int, environment: str, now_ms: int
) -> LinkTraffic:
    """Returns the days of a link until today."""
    question = Question(
        period=period_of(None, None, app.today(now_ms)),
        environment=environment,
        filters=Filters(link=only(read_names(connection, app).links[link_id])),
        currency=report_currency(app.currency),
    )
    of_sub_ids = replace(question, by=Interval.TOTAL, split=Split.SUB_ID)
    with one_moment(connection):
        report = answer(connection, app, question, now_ms)
        by_sub_id = answer(connection, app, of_sub_ids, now_ms)
    largest = sorted(
        by_sub_id.rows,
        key=lambda row: (-(row.figures.traffic or Traffic()).clicks, -row.figures.installs),
    )
    shortened = replace(by_sub_id, rows=largest[:SUB_IDS_MAX])
    traffic = report.total.traffic or Traffic()
    delays = [
        (f"up to {delay}" if delay != DELAYS[-1] else delay, installs, Share(installs / total))
        for delay, installs in zip(DELAYS, traffic.delays, strict=True)
        if (total := traffic.click_installs)
    ]
    return LinkTraffic(
        report,
        report_chart(report, _CLICKS, moment_of(now_ms)),
        report_sheet(report, (*_COLUMNS, "events", "revenue")),
        report_sheet(shortened, _COLUMNS) if len(by_sub_id.rows) > 1 else None,
        Sheet(("after the click", "installs", "share"), delays) if delays else None,
    )
