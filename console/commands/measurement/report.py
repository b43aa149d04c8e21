"""`waybill report` and `waybill export`: metrics, and raw events."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table

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
from console.reports.answer import answer
from console.reports.filters import DIMENSIONS, Filters, Split, ValueFilter
from console.reports.period import Preset, period_of
from console.reports.question import Against, Interval, Question, breakdown
from console.reports.raw import raw_events
from console.reports.report import Report
from console.reports.sheet import Sheet, display_text, to_csv
from console.reports.sheets import MEASURES, originals_sheet
from console.reports.views.comparison_sheets import comparison_sheet, comparison_title
from console.reports.views.layout import SORTS, Layout, laid_out, shown_sheet
from shared.clock import now_ms

_FILTERS = {
    Split.PARTNER: "partner; also '(organic)' or 'NAME (source)'",
    Split.LINK: "link",
    Split.CAMPAIGN: "campaign, as clicks named it",
    Split.SUB_ID: "sub ID of clicks: clicks and the installs from them",
    Split.COUNTRY: "country, by its code; also '(unknown country)'",
    Split.EVENT: "event type; also 'open' or 'ad revenue'",
}


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for the values of each dimension that count, and one for those that do not."""
    for split, what in reversed(_FILTERS.items()):
        name = str(split).replace("_", "-")
        leaves_out = click.option(f"--not-{name}", multiple=True, help="All but this one.")
        command = click.option(f"--{name}", multiple=True, help=f"Only this {what}.")(
            leaves_out(command)
        )
    return command


@click.command("report")
@app_option
@environment_option
@period_options
@click.option(
    "--by",
    type=click.Choice([*Interval], case_sensitive=False),
    default=str(Interval.DAY),
    show_default=True,
    help="Interval of a row.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice([*Split], case_sensitive=False),
    help="Dimension to break the rows down by; up to three, one option for each.",
)
@filter_options
@click.option("--currency", help="Currency of revenue; by default the app's.")
@click.option(
    "--compare",
    type=click.Choice([str(against) for against in Against], case_sensitive=False),
    default=str(Against.NOTHING),
    show_default=True,
    help="Earlier period to compare with: the one before, or that of a year ago.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    type=click.Choice([measure.name for measure in MEASURES], case_sensitive=False),
    help="Show only this metric; once for each. By default all.",
)
@click.option(
    "--sort",
    type=click.Choice(SORTS, case_sensitive=False),
    help="Sort rows by this metric, the largest first; by default by time. Where each row is "
    "compared (--by total --split ... --compare ...), by how much it has grown or by what part.",
)
@click.option(
    "--measure",
    type=click.Choice([measure.name for measure in MEASURES], case_sensitive=False),
    help="Metric whose change is shown where rows are compared; by default that of --sort, or the "
    "first column.",
)
@click.option("--csv", "as_csv_", is_flag=True, help="Print the same table as CSV.")
@json_option
@click.pass_obj
def report_(
    context: CommandContext, /, app: str, as_csv_: bool, as_json: bool, **options: Any
) -> None:
    """Show events, users, installs, sessions and revenue.

    A row stands for an hour, a day or the whole period, and can be broken down by partner, link,
    campaign, sub ID, country and event type. Clicks have no country and no event type. A filter
    may be given several times; with --not-... its values are left out.
    """
    split, then = breakdown(map(Split, options["splits"]))
    layout = Layout(options["columns"], options["sort"] or "", options["measure"] or "")
    with open_database(load_settings(context)) as connection:
        load_rates(connection)
        reported_app = find_app(connection, app)
        currency = options["currency"] or report_currency(reported_app.currency)
        question = Question(
            period=period_of(
                options["first"],
                options["last"],
                reported_app.today(now_ms()),
                options["preset"],
            ),
            environment=options["environment"],
            by=Interval(options["by"]),
            split=split,
            then=then,
            filters=Filters.of(
                {each: ValueFilter(options[each], options[f"not_{each}"]) for each in DIMENSIONS}
            ),
            currency=currency.upper(),
            against=Against(options["compare"]),
        )
        layout.check(question)
        report = laid_out(answer(connection, reported_app, question, now_ms()), layout)
    if as_csv_:
        sys.stdout.write(to_csv(shown_sheet(report, layout)))
    else:
        show({"report": report}, *_parts(report, layout), as_json=as_json)


@click.command("export")
@app_option
@environment_option
@period_options
@click.option(  # which `console.main` looks for when it has an error to report
    "--json", is_flag=True, expose_value=False, help="Report errors as JSON; events always are."
)
@click.pass_obj
def export_(
    context: CommandContext,
    app: str,
    environment: str,
    *,
    first: date | None,
    last: date | None,
    preset: Preset | None,
) -> None:
    """Export the raw events of a period as NDJSON.

    Events are selected and ordered by event time: days are those of the app's time zone, times in
    the file are UTC.
    """
    with open_database(load_settings(context)) as connection:
        exported_app = find_app(connection, app)
        period = period_of(first, last, exported_app.today(now_ms()), preset)
        for line in raw_events(lambda: nullcontext(connection), exported_app, environment, period):
            sys.stdout.buffer.write(line)


def _parts(report: Report, layout: Layout) -> list[RenderableType]:
    heads = (report.question.by is not Interval.TOTAL) + len(report.question.splits)
    parts: list[RenderableType] = [*_tables(shown_sheet(report, layout), heads)]
    if report.comparison:
        parts += [f"{comparison_title(report)}:", *_tables(comparison_sheet(report), heads=1)]
    originals = originals_sheet(report)
    if originals.rows:
        parts += [
            f"Original amounts, and the dates of exchange rates (newest: {report.rates_until}):",
            *_tables(originals, heads=1),
        ]
    if report.counted_at is None:
        return [*parts, "No metrics have been calculated for this period yet."]
    freshness = f"Last updated {report.counted_at:%Y-%m-%d %H:%M:%S} UTC"
    if report.stale:
        freshness += f"; {report.stale} hours and days have changed since then"
    if report.other_zone_days:
        parts.append(
            f"{report.other_zone_days} days of the period are not counted in "
            f"{report.question.time_zone} yet, or have expired in the time zone before."
        )
    return [*parts, f"{freshness}."]


def _tables(sheet: Sheet, heads: int) -> list[Table]:
    rows = ([display_text(cell) for cell in line] for line in sheet.lines)
    return folded_tables(sheet.columns, rows, heads, terminal_columns())
