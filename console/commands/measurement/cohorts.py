"""`waybill cohorts`: retention and revenue of new users by age."""

import sys
from typing import Any

import click
from rich.console import RenderableType

from console.apps.apps import find_app
from console.commands.terminal.options import (
    app_option,
    environment_option,
    json_option,
    period_options,
)
from console.commands.terminal.output import folded_tables, show, terminal_columns
from console.connections import CommandContext, load_settings, open_database
from console.exchange.stored_rates import load_rates
from console.rates import report_currency
from console.reports.active_by import read_basis
from console.reports.cohorts.cohort_question import (
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.cohorts.cohort_sheets import cohort_sheet, cohort_title, unconverted_sentence
from console.reports.cohorts.cohort_table import read_cohorts
from console.reports.period import period_of
from console.reports.sheet import display_text, to_csv
from shared.clock import now_ms


@click.command("cohorts")
@app_option
@environment_option
@period_options
@click.option(
    "--metric",
    type=click.Choice([*CohortMetric], case_sensitive=False),
    default=str(CohortMetric.RETENTION),
    show_default=True,
    help="Who came back, or what was paid: for each user, or altogether.",
)
@click.option(
    "--span",
    type=click.Choice([*CohortSpan], case_sensitive=False),
    default=str(CohortSpan.WEEK),
    show_default=True,
    help="Days whose new users are one cohort.",
)
@click.option(
    "--split",
    type=click.Choice([*CohortSplit], case_sensitive=False),
    default=str(CohortSplit.NONE),
    show_default=True,
    help="By whom the users' first attribution credits.",
)
@click.option("--partner", help="Only this partner; also '(organic)' or 'NAME (source)'.")
@click.option("--currency", help="Currency of revenue; by default the app's.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the same table as CSV.")
@json_option
@click.pass_obj
def cohorts_(
    context: CommandContext, /, app: str, *, as_csv: bool, as_json: bool, **options: Any
) -> None:
    """Show retention, LTV or revenue of new users by age.

    A row stands for the users whose first event was in a day, week or month; D7 is seven days
    later. A value is shown once that day is over for all of them.
    """
    with open_database(load_settings(context)) as connection:
        load_rates(connection)
        shown_app = find_app(connection, app)
        today = shown_app.today(now_ms())
        currency = options["currency"] or report_currency(shown_app.currency)
        question = CohortQuestion(
            period=period_of(options["first"], options["last"], today, options["preset"]),
            metric=CohortMetric(options["metric"]),
            span=CohortSpan(options["span"]),
            split=CohortSplit(options["split"]),
            environment=options["environment"],
            currency=currency.upper(),
            active_by=read_basis(connection, shown_app, options["environment"], today).by,
            partner=options["partner"],
        )
        answer = read_cohorts(connection, shown_app, question, today)
    sheet = cohort_sheet(answer)
    if as_csv:
        sys.stdout.write(to_csv(sheet))
        return
    parts: list[RenderableType] = ["No new users in this period."]
    if sheet.rows:
        rows = [[display_text(cell) for cell in line] for line in sheet.lines]
        heads = 2 + (question.split is not CohortSplit.NONE)
        parts = [
            f"{cohort_title(question)}:",
            *folded_tables(sheet.columns, rows, heads, terminal_columns()),
        ]
        if question.metric is not CohortMetric.RETENTION:
            parts += [sentence for sentence in [unconverted_sentence(answer)] if sentence]
    show({"cohorts": answer}, *parts, as_json=as_json)
