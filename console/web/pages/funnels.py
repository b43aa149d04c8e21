"""The page of funnels: how many users went from one event type to the next, also as a CSV file."""

from functools import partial
from urllib.parse import urlencode

from console.apps.apps import App
from console.reports.choices import read_sources
from console.reports.funnels.funnel import Funnel, read_funnel
from console.reports.funnels.funnel_question import STEPS_MAX, FunnelQuestion, FunnelSplit
from console.reports.funnels.funnel_sheet import funnel_sheet
from console.reports.names import read_names
from console.reports.question import Question
from console.reports.sheet import to_csv
from console.reports.views.view_query import read_environment, read_period
from console.web.kept_parameters import keep_valid
from console.web.page_request import PageRequest
from console.web.report_params import read_funnel_question
from console.web.responses import Answer, Download, Page
from console.web.values import Values
from shared.errors import OperatorError, WaybillError

CSV = "text/csv; charset=utf-8"
WINDOWS = (
    *((1, "1 hour"), (24, "1 day"), (72, "3 days"), (168, "7 days"), (336, "14 days")),
    *((720, "30 days"), (2160, "90 days")),
)


def show(request: PageRequest, app: App) -> Answer:
    question, period, faults = None, None, []
    if any(request.query.all("step")):
        try:
            question = _question(request, app, request.query)
        except WaybillError as error:
            faults.append(error.message)
    read = partial(read_period, app=app, now_ms=request.services.clock())
    period, period_faults = keep_valid(request.query.only({"from", "to", "period"}), read)
    environment = read_environment(request.query, request.remembered)
    funnel = None
    if question is not None:
        try:
            funnel = read_funnel(request.connection, app, question)
        except OperatorError as error:  # too many events
            faults.append(error.message)
    chosen = [step for step in request.query.all("step") if step][:STEPS_MAX]
    asked = Question(period=period, environment=environment)
    return Page(
        "funnel.html",
        {
            "funnel": funnel,
            "sheet": funnel_sheet(funnel) if funnel else None,
            "faults": period_faults or faults,
            "period": period,
            "shown_environment": environment,
            "steps": [*chosen, *[""] * (STEPS_MAX - len(chosen))],
            "window_hours": request.query.get("window_hours", "168"),
            "windows": [(str(hours), label) for hours, label in WINDOWS],
            "split": request.query.get("split", FunnelSplit.NONE),
            "splits": [str(split) for split in FunnelSplit],
            "partner": request.query.get("partner"),
            "events": sorted({*read_names(request.connection, app).events.values()} - {"install"}),
            "sources": read_sources(request.connection, app, asked),
            "query": _query(funnel) if funnel else "",
            "period_query": urlencode(
                {"environment": environment, "from": period.first, "to": period.last}
            ),
        },
    )


def download(request: PageRequest, app: App) -> Answer:
    funnel = read_funnel(request.connection, app, _question(request, app, request.query))
    period = funnel.question.period
    name = f"funnel-{app.id}-{period.first}-{period.last}.csv"
    return Download(name, CSV, [to_csv(funnel_sheet(funnel)).encode()])


def _question(request: PageRequest, app: App, query: Values) -> FunnelQuestion:
    """Reads the query. Raises OperatorError for names that do not exist."""
    environment = read_environment(query, request.remembered)
    question = read_funnel_question(query, environment, app, request.services.clock())
    names = read_names(request.connection, app)
    for step in question.steps:
        names.event_key(step)
    return question


def _query(funnel: Funnel) -> str:
    question = funnel.question
    return urlencode(
        {
            "environment": question.environment,
            "from": question.period.first,
            "to": question.period.last,
            "step": question.steps,
            "window_hours": question.window_hours,
            "split": question.split,
            "partner": question.partner or "",
        },
        doseq=True,
    )
