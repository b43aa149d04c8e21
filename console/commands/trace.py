"""`waybill trace`"""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.commands.terminal.trace_view import describe
from console.connections import CommandContext, load_settings, open_resources
from console.lookup.trace import parse_receipt, trace


@click.command("trace")
@click.argument("receipt")
@json_option
@click.pass_obj
def trace_(context: CommandContext, receipt: str, as_json: bool) -> None:
    """Say where an event is and what became of it."""
    wanted = parse_receipt(receipt)
    with open_resources(load_settings(context)) as resources:
        found = trace(resources.connection, resources.redis, wanted)
    show(found, *describe(found), as_json=as_json)
