"""The pages of reports: metrics, active users and retention, each also as a CSV file."""

from urllib.parse import urlencode

from console.apps.apps import App
from console.rates import usable_currencies
from console.reports.active_by import ActivityBasis, read_basis
from console.reports.activity import ActiveUsers, ActivityQuestion, active_users
from console.reports.answer import answer
from console.reports.bounds import moment_of
from console.reports.choices import read_choices
from console.reports.names import read_names
from console.reports.period import PRESET_LABELS, Period, preset_of
from console.reports.question import Question
from console.reports.raw import raw_events
from console.reports.report import Report
from console.reports.report_charts import activity_chart, report_chart, retention_chart
from console.reports.retention import Cohort, retention
from console.reports.sheet import Sheet, to_csv
from console.reports.sheets import (
    activity_sheet,
    available_measures,
    comparison_sheet,
    comparison_title,
    originals_sheet,
    report_sheet,
    retention_sheet,
)
from console.web.page_request import PageRequest
from console.web.report_params import read_period, read_question
from console.web.responses import Answer, Download, Page
from shared.partitions import day_of

CSV = "text/csv; charset=utf-8"
NDJSON = "application/x-ndjson"


def show(request: PageRequest, app: App) -> Answer:
    report = _report(request, app)
    measures = available_measures(report)
    name = request.query.get("measure", measures[0].name)
    measure = next((measure for measure in measures if measure.name == name), measures[0])
    return Page(
        "report.html",
        {
            "report": report,
            "question": report.question,
            "presets": _presets(request, report.question.period),
            "sheet": report_sheet(report),
            "originals": originals_sheet(report),
            "comparison": comparison_sheet(report),
            "comparison_title": comparison_title(report),
            "chart": report_chart(report, measure, moment_of(request.services.clock())),
            "measure": measure,
            "choices": read_choices(request.connection, app, report.question),
            "currencies": sorted(usable_currencies()),
            "measures": [(measure.name, measure.heading) for measure in measures],
            "query": _query(report.question),
            "period_query": _period_query(request, report.question.period),
        },
    )


def download(request: PageRequest, app: App) -> Answer:
    report = _report(request, app)
    return _file(app, "report", report.question.period, report_sheet(report))


def show_activity(request: PageRequest, app: App) -> Answer:
    period, basis = _period(request), _basis(request, app)
    days = _active_users(request, app, period, basis)
    return Page(
        "activity.html",
        {
            "period": period,
            "basis": basis,
            "presets": _presets(request, period),
            "sheet": activity_sheet(days),
            "chart": activity_chart(days),
            "query": _period_query(request, period),
        },
    )


def download_activity(request: PageRequest, app: App) -> Answer:
    period = _period(request)
    days = _active_users(request, app, period, _basis(request, app))
    return _file(app, "active-users", period, activity_sheet(days))


def show_retention(request: PageRequest, app: App) -> Answer:
    period, partner = _period(request), request.query.get("partner")
    basis = _basis(request, app)
    cohorts = _cohorts(request, app, period, basis)
    question = Question(period=period, environment=request.environment)
    return Page(
        "retention.html",
        {
            "period": period,
            "presets": _presets(request, period),
            "partner": partner,
            "basis": basis,
            "sheet": retention_sheet(cohorts),
            "chart": retention_chart(cohorts) if any(cohort.users for cohort in cohorts) else None,
            "choices": read_choices(request.connection, app, question),
            "query": _period_query(request, period, partner=partner),
        },
    )


def download_retention(request: PageRequest, app: App) -> Answer:
    period = _period(request)
    cohorts = _cohorts(request, app, period, _basis(request, app))
    return _file(app, "retention", period, retention_sheet(cohorts))


def download_raw(request: PageRequest, app: App) -> Answer:
    """Streams any amount of events: each page is read once the one before has been sent."""
    period, environment = _period(request), request.environment
    lines = raw_events(request.services.pool.connection, app, environment, period)
    return Download(_filename(app, "events", period, "ndjson"), NDJSON, lines)


def _report(request: PageRequest, app: App) -> Report:
    now_ms = request.services.clock()
    question = read_question(request.query, request.environment, app, now_ms)
    return answer(request.connection, app, question, now_ms)


def _basis(request: PageRequest, app: App) -> ActivityBasis:
    today = day_of(request.services.clock())
    return read_basis(request.connection, app, request.environment, today)


def _active_users(
    request: PageRequest, app: App, period: Period, basis: ActivityBasis
) -> list[ActiveUsers]:
    today = day_of(request.services.clock())
    question = ActivityQuestion(request.environment, period, basis.by)
    return active_users(request.connection, app, question, today)


def _cohorts(request: PageRequest, app: App, period: Period, basis: ActivityBasis) -> list[Cohort]:
    partner = request.query.get("partner")
    source = read_names(request.connection, app).partner_filter(partner) if partner else None
    today = day_of(request.services.clock())
    question = ActivityQuestion(request.environment, period, basis.by, source)
    return retention(request.connection, app, question, today)


def _period(request: PageRequest) -> Period:
    return read_period(request.query, request.services.clock())


def _presets(request: PageRequest, period: Period) -> list[tuple[str, str, bool]]:
    """Returns the name of each preset, the query of its link, and whether it is shown."""
    shown = preset_of(period, day_of(request.services.clock()))
    kept = [
        (name, request.query.get(name)) for name in request.query.names - {"from", "to", "period"}
    ]
    return [
        (label, urlencode([("period", preset), *sorted(kept)]), preset is shown)
        for preset, label in PRESET_LABELS.items()
    ]


def _query(question: Question) -> str:
    """Returns the query string of links to the same metrics."""
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
            "compare": question.against,
        }
    )


def _period_query(request: PageRequest, period: Period, **filters: str) -> str:
    days = {"from": period.first, "to": period.last}
    filters = {name: value for name, value in filters.items() if value}
    return urlencode({"environment": request.environment, **days, **filters})


def _file(app: App, report: str, period: Period, sheet: Sheet) -> Download:
    return Download(_filename(app, report, period, "csv"), CSV, [to_csv(sheet).encode()])


def _filename(app: App, report: str, period: Period, ending: str) -> str:
    return f"{report}-{app.id}-{period.first}-{period.last}.{ending}"
