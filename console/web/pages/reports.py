"""Reports: figures, active users and retention, each as a page and as the same table in a file."""

from urllib.parse import urlencode

from console.apps.apps import App
from console.reports.activity import Cohort, active_users, retention
from console.reports.choices import read_choices
from console.reports.names import read_names
from console.reports.period import Period
from console.reports.pictures import activity_picture, picture, retention_picture
from console.reports.question import Question
from console.reports.rates import Rates, currencies
from console.reports.raw import raw_events
from console.reports.report import Report, read_report
from console.reports.sheet import Sheet, as_csv
from console.reports.sheets import (
    activity_sheet,
    measures_of,
    originals_sheet,
    report_sheet,
    retention_sheet,
)
from console.web.page_request import Visit
from console.web.report_params import asked_period, asked_question
from console.web.responses import Answer, Download, Page
from shared.partitions import day_of

CSV = "text/csv; charset=utf-8"
NDJSON = "application/x-ndjson"


def show(visit: Visit, app: App) -> Answer:
    report = _report(visit, app)
    measures = measures_of(report)
    chosen = visit.query.get("measure", measures[0].name)
    measure = next((each for each in measures if each.name == chosen), measures[0])
    return Page(
        "report.html",
        {
            "report": report,
            "question": report.question,
            "sheet": report_sheet(report),
            "originals": originals_sheet(report),
            "chart": picture(report, measure),
            "measure": measure,
            "choices": read_choices(visit.connection, app, report.question),
            "currencies": sorted(currencies()),
            "charted": [(each.name, each.heading) for each in measures],
            "query": _query(report.question),
            "query_of_days": _period_query(visit, report.question.period),
        },
    )


def download(visit: Visit, app: App) -> Answer:
    report = _report(visit, app)
    return _file(app, "report", report.question.period, report_sheet(report))


def show_activity(visit: Visit, app: App) -> Answer:
    period = _period(visit)
    days = active_users(visit.connection, app, visit.environment, period)
    return Page(
        "activity.html",
        {
            "period": period,
            "sheet": activity_sheet(days),
            "chart": activity_picture(days),
            "query": _period_query(visit, period),
        },
    )


def download_activity(visit: Visit, app: App) -> Answer:
    period = _period(visit)
    days = active_users(visit.connection, app, visit.environment, period)
    return _file(app, "active-users", period, activity_sheet(days))


def show_retention(visit: Visit, app: App) -> Answer:
    period, partner = _period(visit), visit.query.get("partner")
    cohorts = _cohorts(visit, app, period)
    question = Question(period=period, environment=visit.environment)
    return Page(
        "retention.html",
        {
            "period": period,
            "partner": partner,
            "sheet": retention_sheet(cohorts),
            "chart": retention_picture(cohorts) if cohorts else None,
            "choices": read_choices(visit.connection, app, question),
            "query": _period_query(visit, period, partner=partner),
        },
    )


def download_retention(visit: Visit, app: App) -> Answer:
    period = _period(visit)
    return _file(app, "retention", period, retention_sheet(_cohorts(visit, app, period)))


def download_raw(visit: Visit, app: App) -> Answer:
    """However much it is: a page is read when the one before has gone out."""
    period, environment = _period(visit), visit.environment
    lines = raw_events(visit.services.pool.connection, app, environment, period)
    return Download(_filename(app, "events", period, "ndjson"), NDJSON, lines)


def _report(visit: Visit, app: App) -> Report:
    now_ms = visit.services.clock()
    question = asked_question(visit.query, visit.environment, app, now_ms)
    return read_report(visit.connection, app, question, Rates(question.currency))


def _cohorts(visit: Visit, app: App, period: Period) -> list[Cohort]:
    partner = visit.query.get("partner")
    came_by = read_names(visit.connection, app).place_of_partner(partner) if partner else None
    today = day_of(visit.services.clock())
    return retention(visit.connection, app, visit.environment, period, today, came_by)


def _period(visit: Visit) -> Period:
    return asked_period(visit.query, visit.services.clock())


def _query(question: Question) -> str:
    """As in the address, for links to the same figures."""
    filters = {name: value for name, value in vars(question.filters).items() if value is not None}
    return urlencode(
        {
            "environment": question.environment,
            "from": question.period.first,
            "to": question.period.last,
            "by": question.by,
            "split": question.split,
            **filters,
            "currency": question.currency,
        }
    )


def _period_query(visit: Visit, period: Period, **more: str) -> str:
    given = {name: value for name, value in more.items() if value}
    days = {"from": period.first, "to": period.last}
    return urlencode({"environment": visit.environment, **days, **given})


def _file(app: App, what: str, period: Period, sheet: Sheet) -> Download:
    return Download(_filename(app, what, period, "csv"), CSV, [as_csv(sheet).encode()])


def _filename(app: App, what: str, period: Period, ending: str) -> str:
    return f"{what}-{app.id}-{period.first}-{period.last}.{ending}"
