"""`waybill funnel`: how many users went from one event type to the next."""

import sys
from typing import Any

import click

from console.apps.apps import find_app
from console.commands.terminal.options import (
    app_option,
    environment_option,
    json_option,
    period_options,
)
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.reports.funnels.funnel import read_funnel
from console.reports.funnels.funnel_question import WINDOW_HOURS, FunnelQuestion, FunnelSplit
from console.reports.funnels.funnel_sheet import funnel_sheet
from console.reports.period import period_of
from console.reports.sheet import display_text, to_csv
from shared.clock import now_ms


@click.command("funnel")
@app_option
@environment_option
@period_options
@click.option(
    "--step", "steps", multiple=True, required=True, help="Event type of a step, in order: 2 to 6."
)
@click.option(
    "--window-hours",
    type=int,
    default=WINDOW_HOURS,
    show_default=True,
    help="Hours after the first step within which the others count.",
)
@click.option(
    "--split",
    type=click.Choice([*FunnelSplit], case_sensitive=False),
    default=str(FunnelSplit.NONE),
    show_default=True,
    help="By whom users were attributed to at the first step.",
)
@click.option("--partner", help="Only this partner; also '(organic)' or 'NAME (source)'.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the same table as CSV.")
@json_option
@click.pass_obj
def funnel_(
    context: CommandContext, /, app: str, *, as_csv: bool, as_json: bool, **options: Any
) -> None:
    """Show how many users went from one event type to the next.

    A user counts once, from their first event of the first step in the period.
    """
    with open_database(load_settings(context)) as connection:
        shown_app = find_app(connection, app)
        today = shown_app.today(now_ms())
        question = FunnelQuestion(
            period=period_of(options["first"], options["last"], today, options["preset"]),
            steps=options["steps"],
            window_hours=options["window_hours"],
            split=FunnelSplit(options["split"]),
            partner=options["partner"],
            environment=options["environment"],
        )
        funnel = read_funnel(connection, shown_app, question)
    sheet = funnel_sheet(funnel)
    if as_csv:
        sys.stdout.write(to_csv(sheet))
        return
    rows = [[display_text(cell) for cell in line] for line in sheet.lines]
    show({"funnel": funnel}, table(tuple(sheet.columns), rows), as_json=as_json)
