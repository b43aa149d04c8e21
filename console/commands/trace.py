"""`waybill trace`: one event, by its receipt ID."""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.commands.terminal.trace_view import describe_trace
from console.connections import CommandContext, load_settings, open_resources
from console.lookup.trace import parse_receipt, trace


@click.command("trace")
@click.argument("receipt")
@json_option
@click.pass_obj
def trace_(context: CommandContext, receipt: str, as_json: bool) -> None:
    """Find an event by its receipt ID and show its state.

    RECEIPT is the ID in the response to an accepted event. Shows where the event is, what it
    became, its attribution and its session; for a click, the users that are attributed to it.
    """
    receipt_id = parse_receipt(receipt)
    with open_resources(load_settings(context)) as resources:
        result = trace(resources.connection, resources.redis, receipt_id)
    show(result, *describe_trace(result), as_json=as_json)
