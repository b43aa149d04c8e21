"""`waybill config`: the settings in force."""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import lines, show, table
from console.connections import CommandContext
from console.pipeline.configuration import read_configuration
from shared.setting_sources import PROGRAM_VARIABLES

_PROGRAM_VARIABLES = frozenset(variable.variable for variable in PROGRAM_VARIABLES)


@click.command()
@json_option
@click.pass_obj
def config(context: CommandContext, as_json: bool) -> int:
    """Show each setting's value and source; secrets are masked.

    The exit status is 1 when a setting is invalid.
    """
    configuration = read_configuration(context, _PROGRAM_VARIABLES)
    settings = table(
        ("setting", "value", "unit", "source", "problem"),
        (
            (setting.variable, setting.value, setting.unit, setting.source, setting.fault)
            for setting in configuration.settings
        ),
    )
    remarks = [
        *(f"{fault}." for fault in configuration.faults),
        *(f"{name} is set, but is not a known setting." for name in configuration.unknown),
    ]
    show(configuration, settings, lines(remarks), as_json=as_json)
    return 0 if configuration.is_valid else 1
