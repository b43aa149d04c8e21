"""Reads the query parameters of reports, for pages and for the API."""

from datetime import date
from enum import StrEnum
from typing import TypeVar

from console.apps.apps import App
from console.rates import Rates, report_currency
from console.reports.bounds import rollup_bounds
from console.reports.cohorts.cohort_question import (
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.filters import DIMENSIONS, Filters, Split, ValueFilter
from console.reports.funnels.funnel_question import WINDOW_HOURS, FunnelQuestion, FunnelSplit
from console.reports.names import Names
from console.reports.period import Period, Preset, period_of
from console.reports.question import Against, Interval, Question, breakdown
from console.reports.views.layout import Layout
from console.web.page_errors import BadRequest
from console.web.values import Values
from shared.events import Environment
from shared.partitions import day_of

Choice = TypeVar("Choice", bound=StrEnum)
EXCLUDED = "!"  # ends the names of parameters whose values are left out: `partner!=Acme`


def read_environment(query: Values, default: Environment) -> Environment:
    """Returns the environment that a query names. Raises BadRequest."""
    return _choice(Environment, query.get("environment") or default)


def read_period(query: Values, now_ms: int) -> Period:
    """Returns the days `from` to `to` or of `period`, by default the last 28.

    Raises BadRequest, OperatorError.
    """
    first, last = (_date(name, query.get(name)) for name in ("from", "to"))
    preset = _choice(Preset, query.get("period")) if query.get("period") else None
    return period_of(first, last, day_of(now_ms), preset)


def read_question(query: Values, environment: Environment, app: App, now_ms: int) -> Question:
    """Returns the question that a report answers. Raises BadRequest, OperatorError.

    Whether its names exist is found out when it is answered, or by `check_names`.
    """
    split, then = breakdown(_choice(Split, text) for text in query.all("split") if text)
    return Question(
        period=read_period(query, now_ms),
        environment=environment,
        by=_choice(Interval, query.get("by") or Interval.DAY),
        split=split,
        then=then,
        against=_choice(Against, query.get("compare") or Against.NOTHING),
        filters=Filters.of({split: _read_filter(query, split) for split in DIMENSIONS}),
        currency=query.get("currency").upper() or report_currency(app.currency),
    )


def read_cohort_question(
    query: Values, environment: Environment, app: App, now_ms: int
) -> CohortQuestion:
    """Returns what is asked of cohorts, by default of the new users of 28 days.

    Raises BadRequest, OperatorError.
    """
    return CohortQuestion(
        period=read_period(query, now_ms),
        metric=_choice(CohortMetric, query.get("metric") or CohortMetric.RETENTION),
        span=_choice(CohortSpan, query.get("span") or CohortSpan.WEEK),
        split=_choice(CohortSplit, query.get("split") or CohortSplit.NONE),
        environment=environment,
        currency=query.get("currency").upper() or report_currency(app.currency),
        partner=query.get("partner") or None,
    )


def read_funnel_question(query: Values, environment: Environment, now_ms: int) -> FunnelQuestion:
    """Returns what is asked of a funnel, by default of 28 days. Raises BadRequest, OperatorError.

    Whether its names exist is found out when it is answered.
    """
    hours = query.get("window_hours") or str(WINDOW_HOURS)
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 9):
        raise BadRequest("window_hours must be a whole number.")
    return FunnelQuestion(
        period=read_period(query, now_ms),
        steps=tuple(filter(None, query.all("step"))),
        window_hours=int(hours),
        split=_choice(FunnelSplit, query.get("split") or FunnelSplit.NONE),
        partner=query.get("partner") or None,
        environment=environment,
    )


def read_layout(query: Values) -> Layout:
    """Returns the columns and the order that a query asks for. Raises BadValue."""
    return Layout(tuple(filter(None, query.all("column"))), query.get("sort"))


def check_names(question: Question, app: App, names: Names) -> None:
    """Raises OperatorError unless the question's names exist and its currency has rates."""
    rollup_bounds(app, question, names)
    Rates(question.currency)


def filter_pairs(filters: Filters) -> list[tuple[str, str]]:
    """Returns the parameters that `read_question` reads filters from."""
    return [
        (name, value)
        for split, values in filters
        for name, chosen in ((str(split), values.only), (f"{split}{EXCLUDED}", values.without))
        for value in chosen
    ]


def _read_filter(query: Values, split: Split) -> ValueFilter:
    only, without = (
        tuple(dict.fromkeys(filter(None, (text.strip() for text in query.all(name)))))
        for name in (str(split), f"{split}{EXCLUDED}")
    )
    return ValueFilter(only, without)


def _date(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"{name} must be a date, such as 2026-01-31.") from None


def _choice(choices: type[Choice], text: str) -> Choice:
    try:
        return choices(text)
    except ValueError:
        raise BadRequest(f"{text!r} is not one of {', '.join(choices)}.") from None
