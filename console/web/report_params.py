"""What a page or a program asks reports for, by names behind the question mark."""

from datetime import date
from enum import StrEnum
from typing import TypeVar

from console.apps.apps import App
from console.reports.period import Period, period_of
from console.reports.question import Filters, Interval, Question, Split
from console.reports.rates import report_currency
from console.web.page_errors import BadRequest
from console.web.values import Values
from shared.events import Environment
from shared.partitions import day_of

Choice = TypeVar("Choice", bound=StrEnum)


def asked_period(query: Values, now_ms: int) -> Period:
    """`from` and `to`, else the last 30 days that are over. Raises BadRequest, OperatorError."""
    first, last = (_day(name, query.get(name)) for name in ("from", "to"))
    return period_of(first, last, day_of(now_ms))


def asked_question(query: Values, environment: Environment, app: App, now_ms: int) -> Question:
    """Raises BadRequest, OperatorError."""
    return Question(
        period=asked_period(query, now_ms),
        environment=environment,
        by=_one_of(Interval, query.get("by") or Interval.DAY),
        split=_one_of(Split, query.get("split") or Split.NONE),
        filters=Filters(
            **{
                name: query.get(name) or None
                for name in ("partner", "link", "campaign", "country", "event")
            }
        ),
        currency=query.get("currency").upper() or report_currency(app.currency),
    )


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"{name} is a day, as in 2026-01-31.") from None


def _one_of(kind: type[Choice], text: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        raise BadRequest(f"{text} is none of {', '.join(kind)}.") from None
