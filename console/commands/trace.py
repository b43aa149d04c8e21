"""`waybill trace`"""

import click

from console.options import json_option
from console.output import show
from console.stores import Place, open_installation, settings_here
from console.trace import parse_receipt, trace
from console.trace_view import describe


@click.command("trace")
@click.argument("receipt")
@json_option
@click.pass_obj
def trace_(place: Place, receipt: str, as_json: bool) -> None:
    """Say where an event is and what became of it."""
    wanted = parse_receipt(receipt)
    with open_installation(settings_here(place)) as installation:
        found = trace(installation.connection, installation.redis, wanted)
    show(found, *describe(found), as_json=as_json)
