"""`waybill rejections`: refused requests."""

import click
from rich.console import RenderableType

from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_resources
from console.pipeline.rejections import report_rejections


@click.command()
@count_option(20, "refused requests")
@json_option
@click.pass_obj
def rejections(context: CommandContext, count: int, as_json: bool) -> None:
    """Show recent refused requests, and counts by reason.

    Also shows the addresses that send the most invalid tokens.
    """
    with open_resources(load_settings(context)) as resources:
        report = report_rejections(resources.connection, resources.redis, count)
    parts: list[RenderableType] = []
    if report.counts:
        parts.append(table(("error code", "requests"), report.counts.items()))
        rows = (
            (
                refused.at,
                refused.app,
                f"{refused.method} {refused.endpoint}",
                f"{refused.status} {refused.code}",
                refused.field,
                refused.parameters,
            )
            for refused in report.recent
        )
        columns = ("time (UTC)", "app", "request", "response", "field", "parameters")
        parts.append(table(columns, rows))
    else:
        parts.append("No request has been refused yet.")
    if report.bad_tokens:
        parts.append(table(("address", "invalid tokens within a day"), report.bad_tokens.items()))
    show(report, *parts, as_json=as_json)
