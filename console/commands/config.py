"""`waybill config`"""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import lines, show, table
from console.connections import CommandContext
from console.pipeline.configuration import Configuration, read_configuration
from shared.settings import PROGRAM_VARIABLES

_KNOWN_BESIDES = frozenset(each.variable for each in PROGRAM_VARIABLES)


@click.command()
@json_option
@click.pass_obj
def config(context: CommandContext, as_json: bool) -> int:
    """Show each setting that holds here and where it comes from; secrets are masked."""
    held = read_configuration(context, _KNOWN_BESIDES)
    rows = [
        (each.variable, each.value, each.unit, each.source, each.fault) for each in held.settings
    ]
    settings = table(("setting", "value", "unit", "from", "needs attention"), rows)
    show(held, settings, lines(_remarks(held)), as_json=as_json)
    return 0 if held.is_valid else 1


def _remarks(held: Configuration) -> list[str]:
    unknown = [f"{name} is set, but is no setting." for name in held.unknown]
    return [*(f"{fault}." for fault in held.faults), *unknown]
