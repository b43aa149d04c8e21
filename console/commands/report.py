"""`waybill report` and `waybill export`"""

import sys
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import click
from rich.console import RenderableType

from console.apps.apps import App, find_app
from console.commands.activity import day, period_options
from console.commands.terminal.options import app_option, environment_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.reports.period import period_of
from console.reports.question import Filters, Interval, Question, Split
from console.reports.rates import Rates, report_currency
from console.reports.raw import raw_events
from console.reports.report import Report, read_report
from console.reports.sheet import Sheet, display_text, to_csv
from console.reports.sheets import originals_sheet, report_sheet
from shared.clock import now_ms
from shared.partitions import day_of


@click.command("report")
@app_option
@environment_option
@period_options
@click.option("--by", type=click.Choice([*Interval], case_sensitive=False), default=Interval.DAY)
@click.option("--split", type=click.Choice([*Split], case_sensitive=False), default=Split.NONE)
@click.option("--partner", help="Of this partner alone, or '(organic)', or 'NAME (source)'.")
@click.option("--link", help="Of this link alone.")
@click.option("--campaign", help="Of clicks that named this campaign.")
@click.option("--country", help="Of this country alone, by its code, or '(unknown country)'.")
@click.option("--event", help="Of this event type alone, or 'open', 'ad revenue'.")
@click.option("--currency", help="In which to show revenue, else that of the app.")
@click.option("--csv", "as_csv_", is_flag=True, help="Print the same table as CSV.")
@json_option
@click.pass_obj
def report_(
    context: CommandContext, /, app: str, as_csv_: bool, as_json: bool, **asked: Any
) -> None:
    """Show events, users, installs, sessions and revenue, by hour, day or in total."""
    with open_database(load_settings(context)) as connection:
        found = find_app(connection, app)
        question = _question(found, asked)
        report = read_report(connection, found, question, Rates(question.currency))
    if as_csv_:
        sys.stdout.write(to_csv(report_sheet(report)))
    else:
        show({"report": report}, *_people(report), as_json=as_json)


@click.command("export")
@app_option
@environment_option
@period_options
@click.option(  # which `console.main` looks for when it has a fault to tell
    "--json", is_flag=True, expose_value=False, help="Tell a fault as JSON, as the events are."
)
@click.pass_obj
def export_(
    context: CommandContext,
    app: str,
    environment: str,
    first: datetime | None,
    last: datetime | None,
) -> None:
    """Write raw events of these days (event time, UTC) as NDJSON, in order of time."""
    period = period_of(day(first), day(last), day_of(now_ms()))
    with open_database(load_settings(context)) as connection:
        found = find_app(connection, app)
        for line in raw_events(lambda: nullcontext(connection), found, environment, period):
            sys.stdout.buffer.write(line)


def _question(app: App, asked: dict[str, Any]) -> Question:
    filters = {name: asked[name] for name in ("partner", "link", "campaign", "country", "event")}
    return Question(
        period=period_of(day(asked["first"]), day(asked["last"]), day_of(now_ms())),
        environment=asked["environment"],
        by=Interval(asked["by"]),
        split=Split(asked["split"]),
        filters=Filters(**filters),
        currency=(asked["currency"] or report_currency(app.currency)).upper(),
    )


def _people(report: Report) -> list[RenderableType]:
    parts: list[RenderableType] = [_table(report_sheet(report))]
    originals = originals_sheet(report)
    if originals.rows:
        parts += ["Amounts as they were sent, and the days of the rates:", _table(originals)]
    return [*parts, _freshness(report)]


def _table(sheet: Sheet) -> RenderableType:
    return table(sheet.columns, ([display_text(cell) for cell in line] for line in sheet.lines))


def _freshness(report: Report) -> str:
    if report.counted_at is None:
        return "Nothing was counted for these days yet."
    counted = f"Counted up to {report.counted_at:%Y-%m-%d %H:%M:%S} UTC"
    if report.stale:
        return f"{counted}; {report.stale} hours and days have changed since."
    return f"{counted}."
