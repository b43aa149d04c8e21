"""Turns cohorts into a table and a chart."""

from decimal import Decimal

from console.reports.charts import SERIES_MAX, ChartSeries, LineChart, line_chart
from console.reports.cohorts.cohort_question import CohortMetric, CohortQuestion, CohortSplit
from console.reports.cohorts.cohort_table import CohortRow, CohortTable
from console.reports.sheet import NOT_YET, Cell, Money, Share, Sheet, display_text

TITLES = {
    CohortMetric.RETENTION: "Retention",
    CohortMetric.LTV: "Revenue per user (LTV)",
    CohortMetric.REVENUE: "Revenue",
}


def cohort_title(question: CohortQuestion) -> str:
    """Returns what the table shows, with its currency."""
    title = TITLES[question.metric]
    return title if question.metric is CohortMetric.RETENTION else f"{title} in {question.currency}"


def unconverted_sentence(table: CohortTable) -> str:
    """Says which amounts are in no value because they have no exchange rate; "" if none."""
    sums = (
        f"{amount.normalize():f} {currency or '(no currency)'}"
        for currency, amount in sorted(table.unconverted.items())
        if amount
    )
    missing = " + ".join(sums)
    return f"Not included, because there is no exchange rate: {missing}." if missing else ""


def cohort_sheet(table: CohortTable) -> Sheet:
    """Returns a line for each cohort, and the averages of all where there is one kind of them."""
    question = table.question
    has_name = question.split is not CohortSplit.NONE

    def cell(row: CohortRow, position: int) -> Cell:
        value, share = row.values[position], row.share(position)
        if value is None or share is None:
            return NOT_YET
        match question.metric:
            case CohortMetric.RETENTION:
                return Share(float(share))
            case CohortMetric.LTV:
                return Money(share, question.currency)
        return Money(Decimal(value), question.currency)

    total: list[Cell] = []
    if not has_name and table.rows and question.metric is not CohortMetric.REVENUE:
        average = table.averages[""]
        total = ["average", sum(row.users for row in table.rows)]
        total += [
            NOT_YET
            if value is None
            else Share(float(value))
            if question.metric is CohortMetric.RETENTION
            else Money(value, question.currency)
            for value in average
        ]
    return Sheet(
        [
            f"first {question.span} ({question.time_zone})",
            *(["source"] if has_name else []),
            "users",
            *(f"D{age}" for age in table.ages),
        ],
        [
            [
                row.first,
                *([row.name] if has_name else []),
                row.users,
                *(cell(row, position) for position in range(len(table.ages))),
            ]
            for row in table.rows
        ],
        total,
    )


def cohort_chart(table: CohortTable) -> LineChart | None:
    """Returns the averages by age, a line for each source with most users, or None of nothing."""
    users: dict[str, int] = {}
    for row in table.rows:
        users[row.name] = users.get(row.name, 0) + row.users
    largest = sorted(users, key=lambda name: -users[name])[:SERIES_MAX]
    is_money = table.question.metric is not CohortMetric.RETENTION
    known = max(
        (
            position + 1
            for name in largest
            for position, value in enumerate(table.averages[name])
            if value is not None
        ),
        default=0,
    )
    if not known:
        return None
    series = []
    for name in largest:
        values = table.averages[name][:known]
        cells = [
            None
            if value is None
            else Money(value, table.question.currency)
            if is_money
            else Share(float(value))
            for value in values
        ]
        series.append(
            ChartSeries(
                name or "all users",
                [None if value is None else float(value) for value in values],
                [f"{name} {display_text(cell)}".strip() for cell in cells],
            )
        )
    title = TITLES[CohortMetric.LTV] if is_money else TITLES[CohortMetric.RETENTION]
    return line_chart(f"{title} by day of age", [f"D{age}" for age in table.ages[:known]], series)
