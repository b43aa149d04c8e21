"""`waybill workers`"""

import sys
import time
from functools import partial
from pathlib import Path

import click

from console.commands.terminal.launch import Steps, counted_steps, follow_steps, until_stopped
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.commands.terminal.status_line import StatusLine
from console.connections import CommandContext, program_environment
from deploy import programs
from deploy.fleet import WORKERS_MAX, Fleet
from deploy.processes import Command
from deploy.programs import WORKER_STOP_SECONDS_MAX, Program
from deploy.supervisor import Supervisor

_WATCH_SECONDS = 0.2
_GRACE_SECONDS_MAX = 600


@click.command()
@click.option(
    "--count",
    type=click.IntRange(1, WORKERS_MAX),
    default=2,
    show_default=True,
    help="How many; SIGTTIN and SIGTTOU make them one more and one fewer.",
)
@click.option(
    "--grace",
    type=click.IntRange(1, _GRACE_SECONDS_MAX),
    default=int(WORKER_STOP_SECONDS_MAX),
    show_default=True,
    metavar="SECONDS",
    help="How long one that stops may take for the batch it is at, before it is killed.",
)
@json_option
@click.pass_obj
def workers(context: CommandContext, count: int, grace: int, as_json: bool) -> None:
    """Run workers and keep them running until Ctrl-C or SIGTERM."""
    variables = program_environment(context)
    line = StatusLine(sys.stderr, enabled=not as_json)
    program = programs.workers(count, grace)
    command = partial(_command, program, variables)
    supervisor = Supervisor(line.say)
    with until_stopped(), counted_steps() as steps:
        try:
            supervisor.start(*(command(name) for name in program.names()))
            fleet = Fleet(supervisor, command, program.names())
            show({"pids": supervisor.pids}, f"{count} workers run.", as_json=as_json)
            _stay(supervisor, fleet, steps, line)
        finally:
            supervisor.stop()
    line.say("Stopped.")


def _stay(supervisor: Supervisor, fleet: Fleet, steps: Steps, line: StatusLine) -> None:
    while True:
        supervisor.watch()
        follow_steps(fleet, steps, line.say)
        time.sleep(_WATCH_SECONDS)


def _command(program: Program, variables: dict[str, str], name: str) -> Command:
    return Command(
        name=name,
        argv=program.argv,
        environment=variables,
        folder=Path("/"),  # Python looks for modules in the current folder first
        log=None,
        lock=None,
        stop_seconds_max=program.stop_seconds_max,
        orphan_signal=program.orphan_signal,
    )
