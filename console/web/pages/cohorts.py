"""The page of cohorts: retention and revenue by the age of users, also as a CSV file."""

from dataclasses import replace
from functools import partial
from urllib.parse import urlencode

from console.apps.apps import App
from console.apps.time_zone import read_recount
from console.rates import Rates, usable_currencies
from console.reports.active_by import ActivityBasis, read_basis
from console.reports.choices import read_sources
from console.reports.cohorts.cohort_question import (
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.cohorts.cohort_sheets import (
    TITLES,
    cohort_chart,
    cohort_sheet,
    cohort_title,
    unconverted_sentence,
)
from console.reports.cohorts.cohort_table import CohortTable, read_cohorts
from console.reports.names import read_names
from console.reports.question import Question
from console.reports.sheet import to_csv
from console.reports.views.view_query import read_environment
from console.web.kept_parameters import keep_valid
from console.web.page_request import PageRequest
from console.web.report_params import read_cohort_question
from console.web.responses import Answer, Download, Page
from console.web.values import Values
from shared.errors import OperatorError

CSV = "text/csv; charset=utf-8"


def show(request: PageRequest, app: App) -> Answer:
    question, faults = keep_valid(request.query, partial(_question, request, app))
    basis = _basis(request, app, question)
    try:
        table = _table(request, app, question, basis)
    except OperatorError as error:  # too many cohorts
        faults.append(f"{error.message} The page shows months instead.")
        months = replace(question, span=CohortSpan.MONTH, split=CohortSplit.NONE)
        table = _table(request, app, months, basis)
    question = table.question
    asked = Question(period=question.period, environment=question.environment)
    return Page(
        "cohorts.html",
        {
            "question": question,
            "faults": faults,
            "recount": read_recount(request.connection, app),
            "table": table,
            "title": cohort_title(question),
            "sheet": cohort_sheet(table),
            "chart": cohort_chart(table),
            "unconverted": unconverted_sentence(table),
            "basis": basis,
            "metrics": [(str(metric), title) for metric, title in TITLES.items()],
            "spans": [str(span) for span in CohortSpan],
            "splits": [str(split) for split in CohortSplit],
            "sources": read_sources(request.connection, app, asked),
            "currencies": sorted(usable_currencies()),
            "query": urlencode(
                {
                    "environment": question.environment,
                    "from": question.period.first,
                    "to": question.period.last,
                    "metric": question.metric,
                    "span": question.span,
                    "split": question.split,
                    "currency": question.currency,
                    "partner": question.partner or "",
                }
            ),
            "shows_retention": question.metric is CohortMetric.RETENTION,
        },
    )


def download(request: PageRequest, app: App) -> Answer:
    question = _question(request, app, request.query)
    sheet = cohort_sheet(_table(request, app, question, _basis(request, app, question)))
    period = question.period
    name = f"cohorts-{question.metric}-{app.id}-{period.first}-{period.last}.csv"
    return Download(name, CSV, [to_csv(sheet).encode()])


def _question(request: PageRequest, app: App, query: Values) -> CohortQuestion:
    """Reads the query. Raises OperatorError for a partner that does not exist."""
    environment = read_environment(query, request.remembered)
    question = read_cohort_question(query, environment, app, request.services.clock())
    Rates(question.currency)
    if question.partner is not None:
        read_names(request.connection, app).partner_filter(question.partner)
    return question


def _basis(request: PageRequest, app: App, question: CohortQuestion) -> ActivityBasis:
    today = app.today(request.services.clock())
    return read_basis(request.connection, app, question.environment, today)


def _table(
    request: PageRequest, app: App, question: CohortQuestion, basis: ActivityBasis
) -> CohortTable:
    today = app.today(request.services.clock())
    return read_cohorts(request.connection, app, replace(question, active_by=basis.by), today)
