"""Reads the query parameters of cohorts and funnels, for pages and for the API."""

from console.apps.apps import App
from console.rates import report_currency
from console.reports.cohorts.cohort_question import (
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.funnels.funnel_question import WINDOW_HOURS, FunnelQuestion, FunnelSplit
from console.reports.views.view_query import choice_of, read_period
from console.web.page_errors import BadRequest
from console.web.values import Values
from shared.events import Environment


def read_cohort_question(
    query: Values, environment: Environment, app: App, now_ms: int
) -> CohortQuestion:
    """Returns what is asked of cohorts, by default of the new users of 28 days.

    Raises BadRequest, OperatorError.
    """
    return CohortQuestion(
        period=read_period(query, app, now_ms),
        metric=choice_of(CohortMetric, query.get("metric") or CohortMetric.RETENTION),
        span=choice_of(CohortSpan, query.get("span") or CohortSpan.WEEK),
        split=choice_of(CohortSplit, query.get("split") or CohortSplit.NONE),
        environment=environment,
        currency=query.get("currency").upper() or report_currency(app.currency),
        partner=query.get("partner") or None,
    )


def read_funnel_question(
    query: Values, environment: Environment, app: App, now_ms: int
) -> FunnelQuestion:
    """Returns what is asked of a funnel, by default of 28 days. Raises BadRequest, OperatorError.

    Whether its names exist is found out when it is answered.
    """
    hours = query.get("window_hours") or str(WINDOW_HOURS)
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 9):
        raise BadRequest("window_hours must be a whole number.")
    return FunnelQuestion(
        period=read_period(query, app, now_ms),
        steps=tuple(filter(None, query.all("step"))),
        window_hours=int(hours),
        split=choice_of(FunnelSplit, query.get("split") or FunnelSplit.NONE),
        partner=query.get("partner") or None,
        environment=environment,
    )
