"""The pages of reports: metrics, active users and retention, each also as a CSV file."""

from dataclasses import replace
from datetime import date
from functools import partial
from urllib.parse import urlencode

from console.apps.apps import App
from console.apps.switches import read_switches
from console.apps.time_zone import read_recount
from console.browse.row_events import day_paths, row_paths
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import (
    DeliveryDay,
    count_deliveries,
    delivery_days,
)
from console.rates import newest_rate_day, usable_currencies
from console.reports.active_by import ActivityBasis, read_basis
from console.reports.activity import ActivityQuestion, active_users
from console.reports.answer import answer
from console.reports.bounds import moment_of
from console.reports.choices import read_choices, read_sources
from console.reports.costs.spending import has_costs
from console.reports.filters import Split
from console.reports.names import read_names
from console.reports.period import PRESET_LABELS, Period, preset_of
from console.reports.question import SPLITS_MAX, Interval, Question
from console.reports.raw import raw_events
from console.reports.report import Report
from console.reports.report_charts import activity_chart, report_chart, retention_chart
from console.reports.retention import retention
from console.reports.sheet import Sheet, to_csv
from console.reports.sheets import (
    activity_sheet,
    available_measures,
    originals_sheet,
    retention_sheet,
)
from console.reports.views.comparison_sheets import comparison_sheet, comparison_title
from console.reports.views.layout import (
    Layout,
    compared_measure,
    laid_out,
    laid_out_sheet,
    shown_sheet,
)
from console.reports.views.row_page import read_page_number, row_page
from console.reports.views.saved_views import delete_view, list_views, save_view
from console.reports.views.view_query import (
    check_names,
    read_environment,
    read_layout,
    read_period,
    read_question,
    rows_compared_query,
    write_query,
)
from console.web.kept_parameters import keep_valid
from console.web.page_request import PageRequest
from console.web.responses import Answer, Download, Page, Redirect
from console.web.values import Values
from shared.errors import OperatorError

CSV = "text/csv; charset=utf-8"
NDJSON = "application/x-ndjson"


def show(request: PageRequest, app: App) -> Answer:
    now_ms, names = request.services.clock(), read_names(request.connection, app)

    def read(query: Values) -> tuple[Question, Layout, int]:
        environment = read_environment(query, request.remembered)
        question = read_question(query, environment, app, now_ms)
        check_names(question, app, names)
        layout = read_layout(query)
        layout.check(question)
        return question, layout, read_page_number(query)

    (question, layout, number), faults = keep_valid(request.query, read)
    try:
        report = answer(request.connection, app, question, now_ms)
    except OperatorError as error:  # too many rows
        faults.append(f"{error.message} The page shows the total instead.")
        total = replace(question, by=Interval.TOTAL, split=Split.NONE, then=())
        report = answer(request.connection, app, total, now_ms)
    measures, page = available_measures(report), row_page(laid_out(report, layout), number)
    measure = next((each for each in measures if each.name == layout.measure), measures[0])
    return Page(
        "report.html",
        {
            "report": report,
            "faults": faults,
            "recount": read_recount(request.connection, app),
            "question": report.question,
            "presets": _presets(request, app, report.question.period),
            "page": page,
            "sheet": shown_sheet(page.report, layout),
            "compared_measure": compared_measure(report, layout),
            "paths": row_paths(app, page.report),
            "layout": layout,
            "splits": [*report.question.splits, *[Split.NONE] * SPLITS_MAX][:SPLITS_MAX],
            "split_choices": [(str(each), str(each).replace("_id", " ID")) for each in Split],
            "views": list_views(request.connection, request.person, app) if request.person else [],
            "kept": _kept_query(request, app, report.question, layout),
            "originals": originals_sheet(report),
            "lacks_costs": _lacks_costs(report),
            "has_unverified": read_switches(request.connection, app)["sdk_traffic"],
            "comparison": comparison_sheet(report),
            "rows_compared_query": rows_compared_query(report.question, layout),
            "comparison_title": comparison_title(report),
            "chart": report_chart(report, measure, moment_of(request.services.clock())),
            "measure": measure,
            "choices": read_choices(request.connection, app, report.question),
            "currencies": sorted(usable_currencies()),
            "rates_age_days": (_today(request, app) - newest_rate_day()).days,
            "measures": [(measure.name, measure.heading) for measure in measures],
            "query": write_query(report.question, layout),
            "period_query": _period_query(question.environment, report.question.period),
            "told": _told(request, app, report.question),
        },
    )


def _lacks_costs(report: Report) -> bool:
    """Tells whether a report is about what may have a cost, and none is known."""
    question = report.question
    is_about_partners = bool(question.dimensions & {Split.PARTNER, Split.LINK, Split.CAMPAIGN})
    return is_about_partners and has_costs(question) and not report.total.cost_originals


def _told(request: PageRequest, app: App, question: Question) -> list[DeliveryDay]:
    """Counts what partners and the app's own systems were told in the period, by day."""
    first, end = app.days.start(question.period.first), app.days.end(question.period.last)
    wanted = DeliveryFilter(environment=question.environment, begin=first, end=end)
    return delivery_days(count_deliveries(request.connection, app, wanted))


def download(request: PageRequest, app: App) -> Answer:
    now_ms = request.services.clock()
    question = read_question(request.query, request.environment, app, now_ms)
    layout = read_layout(request.query)
    layout.check(question)
    report = answer(request.connection, app, question, now_ms)
    sheet = laid_out_sheet(report, layout)
    return _file(app, "report", report.question.period, sheet)


def save(request: PageRequest, app: App) -> Answer:
    """Saves the view that the page shows, for the person who asks."""
    assert request.person  # as for every route that needs a viewer
    name, query = request.form.get("name"), request.form.get("query")
    view = save_view(request.connection, request.person, app, name, query)
    return Redirect(f"/apps/{app.id}/reports?{view.query}", f"View {view.name} has been saved.")


def delete(request: PageRequest, app: App, view_id: int) -> Answer:
    assert request.person
    name = delete_view(request.connection, request.person, app, view_id)
    return Redirect(f"/apps/{app.id}/reports", f"View {name} has been deleted.")


def show_activity(request: PageRequest, app: App) -> Answer:
    asked, faults = keep_valid(request.query, partial(_activity_question, request, app))
    basis = _basis(request, app, asked.environment)
    days = active_users(request.connection, app, replace(asked, by=basis.by), _today(request, app))
    return Page(
        "activity.html",
        {
            "question": asked,
            "faults": faults,
            "recount": read_recount(request.connection, app),
            "basis": basis,
            "presets": _presets(request, app, asked.period),
            "sheet": activity_sheet(days, app.time_zone),
            "paths": day_paths(app, asked.environment, [day.day for day in days]),
            "chart": activity_chart(days),
            "query": _period_query(asked.environment, asked.period),
        },
    )


def download_activity(request: PageRequest, app: App) -> Answer:
    asked = _activity_question(request, app, request.query)
    asked = replace(asked, by=_basis(request, app, asked.environment).by)
    days = active_users(request.connection, app, asked, _today(request, app))
    return _file(app, "active-users", asked.period, activity_sheet(days, app.time_zone))


def show_retention(request: PageRequest, app: App) -> Answer:
    asked, faults = keep_valid(request.query, partial(_activity_question, request, app))
    basis = _basis(request, app, asked.environment)
    cohorts = retention(request.connection, app, replace(asked, by=basis.by), _today(request, app))
    question = Question(period=asked.period, environment=asked.environment)
    partner = request.query.get("partner") if asked.source else ""
    return Page(
        "retention.html",
        {
            "question": asked,
            "faults": faults,
            "recount": read_recount(request.connection, app),
            "presets": _presets(request, app, asked.period),
            "partner": partner,
            "basis": basis,
            "sheet": retention_sheet(cohorts, app.time_zone),
            "chart": retention_chart(cohorts) if any(cohort.users for cohort in cohorts) else None,
            "sources": read_sources(request.connection, app, question),
            "query": _period_query(asked.environment, asked.period, partner=partner),
        },
    )


def download_retention(request: PageRequest, app: App) -> Answer:
    asked = _activity_question(request, app, request.query)
    asked = replace(asked, by=_basis(request, app, asked.environment).by)
    cohorts = retention(request.connection, app, asked, _today(request, app))
    return _file(app, "retention", asked.period, retention_sheet(cohorts, app.time_zone))


def download_raw(request: PageRequest, app: App) -> Answer:
    """Streams any amount of events: each page is read once the one before has been sent."""
    period = read_period(request.query, app, request.services.clock())
    environment = request.environment
    lines = raw_events(request.services.pool.connection, app, environment, period)
    return Download(_filename(app, "events", period, "ndjson"), NDJSON, lines)


def _activity_question(request: PageRequest, app: App, query: Values) -> ActivityQuestion:
    """Returns what active users or retention are asked for, by sessions."""
    partner = query.get("partner")
    source = read_names(request.connection, app).partner_filter(partner) if partner else None
    period = read_period(query, app, request.services.clock())
    return ActivityQuestion(read_environment(query, request.remembered), period, source=source)


def _basis(request: PageRequest, app: App, environment: str) -> ActivityBasis:
    return read_basis(request.connection, app, environment, _today(request, app))


def _today(request: PageRequest, app: App) -> date:
    return app.today(request.services.clock())


def _presets(request: PageRequest, app: App, period: Period) -> list[tuple[str, str, bool]]:
    """Returns the name of each preset, the query of its link, and whether it is shown."""
    shown = preset_of(period, _today(request, app))
    kept = [
        (name, text)
        for name in sorted(request.query.names - {"from", "to", "period", "page"})
        for text in request.query.all(name)  # in their order: breakdowns have one
    ]
    return [
        (label, urlencode([("period", preset), *kept]), preset is shown)
        for preset, label in PRESET_LABELS.items()
    ]


def _kept_query(request: PageRequest, app: App, question: Question, layout: Layout) -> str:
    """Returns the query of a view: a preset stays one, so that it ends on the day it is opened."""
    preset = preset_of(question.period, _today(request, app))
    return write_query(question, layout, {"period": preset} if preset else {})


def _period_query(environment: str, period: Period, **filters: str) -> str:
    days = {"from": period.first, "to": period.last}
    filters = {name: value for name, value in filters.items() if value}
    return urlencode({"environment": environment, **days, **filters})


def _file(app: App, report: str, period: Period, sheet: Sheet) -> Download:
    return Download(_filename(app, report, period, "csv"), CSV, [to_csv(sheet).encode()])


def _filename(app: App, report: str, period: Period, ending: str) -> str:
    return f"{report}-{app.id}-{period.first}-{period.last}.{ending}"
