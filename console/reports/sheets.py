"""Turns reports into sheets: chooses the columns and fills the cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from console.reports.activity import ActiveUsers
from console.reports.figures import Figures
from console.reports.question import Interval
from console.reports.reach import reach_split
from console.reports.report import Report, ReportRow
from console.reports.retention import Cohort
from console.reports.sheet import NOT_YET, Cell, Duration, Money, Share, Sheet, SoFar
from console.reports.traffic import Traffic, has_traffic

TOTAL = "total"
_RETENTION_DAYS = (1, 2, 3, 4, 5, 6, 7, 14, 30)


@dataclass(frozen=True)
class Measure:
    """A column of metrics.

    `of_events` tells whether single event types have it too, `of_sub_ids` whether sub IDs have.
    `of_traffic` are those of clicks and impressions.
    """

    name: str
    heading: str
    read: Callable[[Figures, str], Cell]
    of_events: bool = False
    of_sub_ids: bool = False
    of_traffic: bool = False
    of_costs: bool = False


def _of_traffic(name: str, heading: str, read: Callable[[Traffic], Cell]) -> Measure:
    return Measure(
        name,
        heading,
        lambda figures, _: None if figures.traffic is None else read(figures.traffic),
        of_sub_ids=True,
        of_traffic=True,
    )


MEASURES = (
    Measure("events", "events", lambda figures, _: figures.events, of_events=True),
    Measure(
        "unverified",
        "of unverified senders",
        lambda figures, _: figures.unverified,
        of_events=True,
    ),
    Measure("users", "users", lambda figures, _: figures.users, of_events=True),
    Measure("installs", "new users", lambda figures, _: figures.installs),
    Measure(
        "attributed", "attributed installs", lambda figures, _: figures.attributed, of_sub_ids=True
    ),
    Measure("organic", "organic share", lambda figures, _: _share(figures.organic_share)),
    Measure("reattributions", "reattributions", lambda figures, _: figures.reattributions),
    Measure("sessions", "sessions", lambda figures, _: figures.sessions),
    Measure(
        "revenue",
        "revenue",
        lambda figures, currency: Money(figures.revenue, currency),
        of_events=True,
    ),
    Measure(
        "ad_revenue",
        "ad revenue",
        lambda figures, currency: Money(figures.ad_revenue, currency),
        of_events=True,
    ),
    Measure(
        "value",
        "aggregated value",
        lambda figures, _: figures.value.normalize() + 0,
        of_events=True,
    ),
    Measure(
        "arpu",
        "revenue per user",
        lambda figures, currency: _money(figures.revenue_per_user, currency),
    ),
    Measure(
        "cost", "cost", lambda figures, currency: _money(figures.cost, currency), of_costs=True
    ),
    Measure(
        "cpi",
        "cost per install",
        lambda figures, currency: _money(figures.cost_per_install, currency),
        of_costs=True,
    ),
    Measure("roas", "ROAS", lambda figures, _: _share(figures.return_on_cost), of_costs=True),
    _of_traffic("impressions", "impressions", lambda traffic: traffic.impressions),
    _of_traffic("clicks", "clicks", lambda traffic: traffic.clicks),
    _of_traffic("conversion", "conversion rate", lambda traffic: _share(traffic.conversion_rate)),
    _of_traffic(
        "click_to_install",
        "click to install (s)",
        lambda traffic: (
            None if traffic.seconds_to_install is None else Duration(traffic.seconds_to_install)
        ),
    ),
)


def available_measures(report: Report) -> list[Measure]:
    """Returns the measures that the report's question has an answer to.

    Those of clicks are left out where there was neither a click nor an impression, those of costs
    and of unverified senders where there were none.
    """
    question, comparison = report.question, report.comparison
    earned = bool(report.total.originals)
    counted = [report.total, *([comparison.current, comparison.earlier] if comparison else [])]
    has_clicks = any(figures.traffic and figures.traffic.is_something for figures in counted)
    shows_traffic = has_traffic(question) and has_clicks
    has_cost = any(figures.cost_originals for figures in counted)
    has_unverified = any(figures.unverified for figures in counted)
    return [
        measure
        for measure in MEASURES
        if (measure.of_events or not question.is_per_event_type)
        and (measure.of_sub_ids or not question.is_of_sub_ids)
        and (shows_traffic or question.is_of_sub_ids or not measure.of_traffic)
        and (has_cost or not measure.of_costs)
        and (measure.name not in {"users", "arpu"} or reach_split(question))
        and (measure.name != "arpu" or earned)
        and (measure.name != "unverified" or has_unverified)
    ]


def report_sheet(report: Report, columns: Sequence[str] = ()) -> Sheet:
    """Returns a report with these columns of those that it has, by default with all."""
    question = report.question
    measures = [
        measure for measure in available_measures(report) if not columns or measure.name in columns
    ]
    has_start = question.by is not Interval.TOTAL
    total_head: list[Cell] = [TOTAL, *("" for _ in question.splits)]

    is_partial, lacks_costs = bool(report.total.unconverted), bool(report.total.cost_unconverted)

    def values(figures: Figures) -> list[Cell]:
        return [
            *(measure.read(figures, question.currency) for measure in measures),
            *([unconverted_text(figures)] if is_partial else []),
            *([unconverted_cost_text(figures)] if lacks_costs else []),
        ]

    def head(row: ReportRow) -> list[Cell]:
        start = row.start.date() if row.start and question.by is Interval.DAY else row.start
        start_cell = SoFar(start) if start and row.so_far else start
        return [*([start_cell] if has_start else []), *row.names]

    return Sheet(
        columns=[
            *([f"{question.by} ({question.time_zone})"] if has_start else []),
            *(str(split).replace("sub_id", "sub ID") for split in question.splits),
            *(measure_heading(measure, question.currency) for measure in measures),
            *(["not included in revenue"] if is_partial else []),
            *(["not included in cost"] if lacks_costs else []),
        ],
        rows=[[*head(row), *values(row.figures)] for row in report.rows],
        total=[*total_head[: has_start + len(question.splits)], *values(report.total)],
    )


def unconverted_text(figures: Figures) -> str | None:
    """Returns the amounts without an exchange rate, which are missing from revenue."""
    return _sums_text({key: sum(both, Decimal(0)) for key, both in figures.unconverted.items()})


def unconverted_cost_text(figures: Figures) -> str | None:
    """Returns the costs without an exchange rate, which are missing from the cost."""
    return _sums_text(figures.cost_unconverted)


def _sums_text(amounts: Mapping[str, Decimal]) -> str | None:
    sums = (
        f"{amount.normalize():f} {currency or '(no currency)'}"
        for currency, amount in sorted(amounts.items())
        if amount
    )
    return " + ".join(sums) or None


def measure_heading(measure: Measure, currency: str) -> str:
    return (
        f"{measure.heading} ({currency})"
        if measure.name.endswith("revenue") or measure.name in {"arpu", "cost", "cpi"}
        else measure.heading
    )


def originals_sheet(report: Report) -> Sheet:
    """Returns the amounts as they were sent, with the days of the rates that converted them."""
    rates_of = {rates.currency: rates for rates in report.rates}
    rows: list[list[Cell]] = []
    for currency, (revenue, ad_revenue) in sorted(report.total.originals.items()):
        rates = rates_of.get(currency)
        rows.append(
            [
                currency or "(none)",
                Money(revenue, currency),
                Money(ad_revenue, currency),
                rates.first if rates else None,
                rates.last if rates else None,
                ""
                if rates is None or rates.first
                else "no exchange rate: not included in the sums",
            ]
        )
    columns = ["currency", "revenue", "ad revenue", "rates from", "rates to", ""]
    return Sheet(columns, rows)


def activity_sheet(days: list[ActiveUsers], zone: str) -> Sheet:
    return Sheet(
        [f"day ({zone})", "DAU", "WAU", "MAU", "stickiness"],
        [
            [
                SoFar(day.day) if day.so_far else day.day,
                day.dau,
                day.wau,
                day.mau,
                _share(day.stickiness),
            ]
            for day in days
        ],
    )


def retention_sheet(
    cohorts: list[Cohort], zone: str, days: Sequence[int] = _RETENTION_DAYS
) -> Sheet:
    return Sheet(
        [f"day 0 ({zone})", "users", *(f"D{after}" for after in days)],
        [
            [
                cohort.day,
                cohort.users,
                *(
                    NOT_YET if cohort.retained[after - 1] is None else _share(cohort.share(after))
                    for after in days
                ),
            ]
            for cohort in cohorts
        ],
    )


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)


def _share(part: float | None) -> Share | None:
    return None if part is None else Share(part)
