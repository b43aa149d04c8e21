"""One program in the place of the command that asked for it."""

import os
from typing import NoReturn

from console.connections import CommandContext, program_environment
from deploy.programs import Program


def serve_here(context: CommandContext, program: Program) -> NoReturn:
    """Beside the stores that run here. Raises OperatorError as `load_settings`."""
    variables = program_environment(context)
    os.chdir("/")  # Python looks for modules in the current folder first: not in the caller's
    os.execve(program.argv[0], program.argv, variables)  # noqa: S606 - with its signals, by name
