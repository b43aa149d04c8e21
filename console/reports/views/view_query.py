"""Reads a report, its columns and its order from a query, and writes it as one.

Pages, the API and views that people save have the same parameters.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, urlencode

from console.apps.apps import App
from console.moments import read_day
from console.rates import Rates, report_currency
from console.reports.bounds import rollup_bounds
from console.reports.filters import DIMENSIONS, Filters, Split, ValueFilter
from console.reports.names import Names
from console.reports.period import Period, Preset, period_of
from console.reports.question import Against, Interval, Question, breakdown
from console.reports.views.layout import Layout
from console.validation import has_control_characters
from shared.errors import BadValue, OperatorError
from shared.events import Environment

Choice = TypeVar("Choice", bound=StrEnum)
EXCLUDED = "!"  # ends the names of parameters whose values are left out: `partner!=Acme`


class UnreadableQuery(OperatorError):
    """A parameter of a report with a value that it cannot have."""

    code = "bad_request"
    status = 400


class QueryValues(Protocol):
    """The values of a query: the last of a name, "" without one, and all of a name."""

    def get(self, name: str) -> str: ...

    def all(self, name: str) -> list[str]: ...


class TextQuery:
    """The values of a query that is kept as text. Raises BadValue for unprintable ones."""

    def __init__(self, text: str) -> None:
        self._values: Mapping[str, list[str]] = parse_qs(text, keep_blank_values=True)
        values = (value for values in self._values.values() for value in values)
        if any(map(has_control_characters, (*self._values, *values))):
            raise BadValue("query", "must be printable text without control characters.")

    def get(self, name: str) -> str:
        return self._values.get(name, [""])[-1].strip()

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])


def read_environment(query: QueryValues, default: Environment) -> Environment:
    """Returns the environment that a query names. Raises UnreadableQuery."""
    return choice_of(Environment, query.get("environment") or default)


def read_period(query: QueryValues, app: App, now_ms: int) -> Period:
    """Returns the days `from` to `to` or of `period`, by default the last 28 by the app's clock.

    Raises OperatorError.
    """
    first, last = (read_date(name, query.get(name)) for name in ("from", "to"))
    preset = choice_of(Preset, query.get("period")) if query.get("period") else None
    return period_of(first, last, app.today(now_ms), preset)


def read_question(query: QueryValues, environment: Environment, app: App, now_ms: int) -> Question:
    """Returns the question that a report answers. Raises OperatorError.

    Whether its names exist is found out when it is answered, or by `check_names`.
    """
    split, then = breakdown(choice_of(Split, text) for text in query.all("split") if text)
    return Question(
        period=read_period(query, app, now_ms),
        environment=environment,
        by=choice_of(Interval, query.get("by") or Interval.DAY),
        split=split,
        then=then,
        against=choice_of(Against, query.get("compare") or Against.NOTHING),
        filters=Filters.of({split: _read_filter(query, split) for split in DIMENSIONS}),
        currency=query.get("currency").upper() or report_currency(app.currency),
    )


def read_layout(query: QueryValues) -> Layout:
    """Returns the columns, order and measure that a query asks for. Raises BadValue."""
    columns = tuple(filter(None, query.all("column")))
    return Layout(columns, query.get("sort"), query.get("measure"))


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


def write_query(
    question: Question, layout: Layout, others: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Returns the query of the same report, from which it is read again.

    A preset among `others` replaces the days.
    """
    days = [("from", question.period.first), ("to", question.period.last)]
    return urlencode(
        [
            *(days if "period" not in others else []),
            *others.items(),
            *([("measure", layout.measure)] if layout.measure else []),
            *(("column", column) for column in layout.columns),
            *([("sort", layout.sort)] if layout.sort else []),
            ("environment", question.environment),
            ("by", question.by),
            *(("split", split) for split in question.splits or (Split.NONE,)),
            *filter_pairs(question.filters),
            ("currency", question.currency),
            ("compare", question.against),
        ]
    )


def rows_compared_query(question: Question, layout: Layout) -> str:
    """Returns the query of the same names, each compared, those that grew most first.

    It is "" without names, and if they are compared already.
    """
    if not question.splits or question.compares_rows:
        return ""
    against = Against.PREVIOUS if question.against is Against.NOTHING else question.against
    compared = replace(question, by=Interval.TOTAL, against=against)
    return write_query(compared, replace(layout, sort="difference"))


def _read_filter(query: QueryValues, split: Split) -> ValueFilter:
    only, without = (
        tuple(dict.fromkeys(filter(None, (text.strip() for text in query.all(name)))))
        for name in (str(split), f"{split}{EXCLUDED}")
    )
    return ValueFilter(only, without)


def read_date(name: str, text: str) -> date | None:
    """Returns the day that a parameter names, None without one. Raises UnreadableQuery."""
    try:
        return read_day(name, text)
    except BadValue as error:
        raise UnreadableQuery(error.message) from None


def choice_of(choices: type[Choice], text: str) -> Choice:
    """Returns the choice that a text names. Raises UnreadableQuery."""
    try:
        return choices(text)
    except ValueError:
        raise UnreadableQuery(f"{text!r} is not one of {', '.join(choices)}.") from None
