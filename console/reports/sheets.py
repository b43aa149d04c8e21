"""Reports as sheets: which columns a question has, and what stands in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.reports.activity import ActiveUsers, Cohort
from console.reports.question import By, Split
from console.reports.reach import counted_as
from console.reports.report import Figures, Report
from console.reports.sheet import Cell, Money, Share, Sheet

TOTAL = "total"
_RETENTION_DAYS = (1, 2, 3, 4, 5, 6, 7, 14, 30)


@dataclass(frozen=True)
class Measure:
    """A column of figures. `of_events`: whether single event types have it too."""

    name: str
    heading: str
    read: Callable[[Figures, str], Cell]
    of_events: bool = False


MEASURES = (
    Measure("events", "events", lambda it, _: it.events, of_events=True),
    Measure("users", "users", lambda it, _: it.users, of_events=True),
    Measure("installs", "new users", lambda it, _: it.installs),
    Measure("attributed", "attributed installs", lambda it, _: it.attributed),
    Measure("organic", "organic share", lambda it, _: _share(it.organic_share)),
    Measure("reattributions", "reattributions", lambda it, _: it.reattributions),
    Measure("sessions", "sessions", lambda it, _: it.sessions),
    Measure("revenue", "revenue", lambda it, currency: Money(it.revenue, currency), of_events=True),
    Measure(
        "ad_revenue",
        "ad revenue",
        lambda it, currency: Money(it.ad_revenue, currency),
        of_events=True,
    ),
    Measure("value", "aggregated value", lambda it, _: it.value.normalize() + 0, of_events=True),
)


def measures_of(report: Report) -> list[Measure]:
    """Those that the question has an answer to."""
    question = report.question
    return [
        measure
        for measure in MEASURES
        if (measure.of_events or not question.asks_events)
        and (measure.name != "users" or counted_as(question))
    ]


def report_sheet(report: Report) -> Sheet:
    question, measures = report.question, measures_of(report)
    has_start, has_name = question.by is not By.TOTAL, question.split is not Split.NONE

    def figures(it: Figures) -> list[Cell]:
        return [measure.read(it, question.currency) for measure in measures]

    def head(start: Cell, name: str) -> list[Cell]:
        return [*([start] if has_start else []), *([name] if has_name else [])]

    def start_of(start: datetime | None) -> Cell:
        return start.date() if start and question.by is By.DAY else start

    return Sheet(
        columns=[
            *([f"{question.by} (UTC)"] if has_start else []),
            *([str(question.split)] if has_name else []),
            *(_heading(measure, question.currency) for measure in measures),
        ],
        rows=[[*head(start_of(row.start), row.name), *figures(row.figures)] for row in report.rows],
        total=[*_total_head(has_start + has_name), *figures(report.total)],
    )


def originals_sheet(report: Report) -> Sheet:
    """Amounts as they were sent, with the days of the rates that converted them."""
    used = {rates.currency: rates for rates in report.rates}
    rows: list[list[Cell]] = []
    for currency, (revenue, ad_revenue) in sorted(report.total.originals.items()):
        rates = used.get(currency)
        rows.append(
            [
                currency or "(none)",
                revenue,
                ad_revenue,
                rates.first if rates else None,
                rates.last if rates else None,
                "" if rates is None or rates.first else "no rate: not in the sums",
            ]
        )
    columns = ["currency", "revenue", "ad revenue", "rates from", "rates to", ""]
    return Sheet(columns, rows)


def activity_sheet(days: list[ActiveUsers]) -> Sheet:
    return Sheet(
        ["day (UTC)", "DAU", "WAU", "MAU", "stickiness"],
        [[day.day, day.dau, day.wau, day.mau, _share(day.stickiness)] for day in days],
    )


def retention_sheet(cohorts: list[Cohort], days: Sequence[int] = _RETENTION_DAYS) -> Sheet:
    return Sheet(
        ["day 0 (UTC)", "users", *(f"D{after}" for after in days)],
        [
            [cohort.day, cohort.users, *(_share(cohort.share(after)) for after in days)]
            for cohort in cohorts
        ],
    )


def _heading(measure: Measure, currency: str) -> str:
    return (
        f"{measure.heading} ({currency})" if measure.name.endswith("revenue") else measure.heading
    )


def _total_head(heads: int) -> list[Cell]:
    head: list[Cell] = [TOTAL, ""]
    return head[:heads]


def _share(part: float | None) -> Share | None:
    return None if part is None else Share(part)
