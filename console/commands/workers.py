"""`waybill workers`: workers beside programs that run elsewhere."""

import sys
import time
from pathlib import Path

import click

from console.commands.terminal.launch import (
    ResizeSignals,
    apply_resize,
    resize_signals,
    until_stopped,
)
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show_if_read
from console.commands.terminal.status_line import StatusLine
from console.connections import CommandContext, program_environment
from deploy import programs
from deploy.fleet import WORKERS_MAX, Fleet
from deploy.processes import Command
from deploy.programs import WORKER_STOP_SECONDS_MAX
from deploy.supervisor import Supervisor
from shared.access.grantees import Grantee

_WATCH_SECONDS = 0.2
_GRACE_SECONDS_MAX = 600


@click.command()
@click.option(
    "--count",
    type=click.IntRange(1, WORKERS_MAX),
    default=2,
    show_default=True,
    help="Number of workers; SIGTTIN adds one, SIGTTOU removes one.",
)
@click.option(
    "--grace",
    type=click.IntRange(1, _GRACE_SECONDS_MAX),
    default=int(WORKER_STOP_SECONDS_MAX),
    show_default=True,
    metavar="SECONDS",
    help="Time that a stopping worker has for its current batch, before it is killed.",
)
@json_option
@click.pass_obj
def workers(context: CommandContext, count: int, grace: int, as_json: bool) -> None:
    """Run workers and restart those that die, until Ctrl-C."""
    variables = program_environment(context, Grantee.WORKERS)
    line = StatusLine(sys.stderr, enabled=not as_json)
    program = programs.workers(count, grace)

    def command(name: str) -> Command:
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

    supervisor = Supervisor(line.say)
    with until_stopped(), resize_signals() as signals:
        try:
            supervisor.start(*(command(name) for name in program.names()))
            fleet = Fleet(supervisor, command, program.names())
            show_if_read({"pids": supervisor.pids}, f"Started {count} workers.", as_json=as_json)
            _watch(supervisor, fleet, signals, line)
        finally:
            supervisor.stop()
    line.say("Stopped.")


def _watch(supervisor: Supervisor, fleet: Fleet, signals: ResizeSignals, line: StatusLine) -> None:
    """Keeps the workers alive and resizes the fleet, until a signal."""
    while True:
        supervisor.watch()
        apply_resize(fleet, signals, line.say)
        time.sleep(_WATCH_SECONDS)
