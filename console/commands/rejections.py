"""`waybill rejections`"""

from collections.abc import Iterator

import click
from rich.console import RenderableType
from rich.table import Table

from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_resources
from console.pipeline.rejections import RejectionReport, report_rejections


@click.command()
@count_option(20, "refused requests")
@json_option
@click.pass_obj
def rejections(context: CommandContext, count: int, as_json: bool) -> None:
    """Show the last refused requests, how often each reason was, and who sends bad tokens."""
    with open_resources(load_settings(context)) as resources:
        report = report_rejections(resources.connection, resources.redis, count)
    show(report, *_people(report), as_json=as_json)


def _people(report: RejectionReport) -> Iterator[RenderableType]:
    if not report.counts:
        yield "Nothing was refused yet."
    else:
        yield _counts(report)
        yield _recent(report)
    if report.bad_tokens:
        yield table(("address", "bad tokens within a day"), report.bad_tokens.items())


def _counts(report: RejectionReport) -> Table:
    return table(("code", "requests"), report.counts.items())


def _recent(report: RejectionReport) -> Table:
    return table(
        ("at (UTC)", "app", "request", "answer", "field", "parameters"),
        (
            (
                refused.at,
                refused.app,
                f"{refused.method} {refused.endpoint}",
                f"{refused.status} {refused.code}",
                refused.field,
                refused.parameters,
            )
            for refused in report.recent
        ),
    )
