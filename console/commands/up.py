"""`waybill up`: everything on this machine."""

import shlex
import sys
import time
from pathlib import Path

import click

from console.accounts.invitations import invite_first_admin
from console.actor import terminal_actor
from console.commands.terminal.launch import (
    ResizeSignals,
    StackOptions,
    apply_resize,
    await_ready,
    plan_stack,
    resize_signals,
    until_stopped,
)
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show_if_read
from console.commands.terminal.status_line import StatusLine, StatusSample, describe_load
from console.connections import CommandContext, open_resources
from console.pipeline.health import read_status
from deploy.fleet import WORKERS_MAX
from deploy.listen import PORT_MAX, Listen
from deploy.stack import Stack
from shared.redis import Redis, RedisError
from shared.redis import connect as connect_redis
from shared.settings import read_settings

_WATCH_SECONDS = 0.2
_SAMPLE_SECONDS_MAX = 0.5


@click.command()
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Address of ingest.",
)
@click.option(
    "--console",
    metavar="HOST:PORT",
    help="Address of the console, or `none`; by default ingest's host, at the next port.",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    help="Address of the pipeline's metrics, or `none`; by default two ports after ingest's.",
)
@click.option("--data", type=click.Path(path_type=Path), help="The same as `waybill --data`.")
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    default=2,
    show_default=True,
    help="Number of workers; SIGTTIN adds one, SIGTTOU removes one.",
)
@json_option
@click.pass_obj
def up(
    context: CommandContext,
    /,
    listen: str,
    data: Path | None,
    workers: int,
    as_json: bool,
    **others: str | None,
) -> None:
    """Run everything on this machine until Ctrl-C.

    Starts PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL name others), ingest, workers,
    the console and the metrics, and restarts what dies. All data is in the data folder.
    """
    context = CommandContext(data or context.data, context.environment)
    line = StatusLine(sys.stderr, enabled=not as_json)
    ingest = Listen.parse(listen)
    options = StackOptions(
        ingest,
        workers,
        console=_address_near(ingest, 1, others["console"]),
        metrics=_address_near(ingest, 2, others["metrics"]),
    )
    stack = plan_stack(context.data, context.variables, options, line.say)
    with until_stopped(), resize_signals() as signals, stack:
        await_ready(stack)
        _announce(stack, as_json=as_json)
        _watch(stack, line, signals)
    line.say("Stopped.")


def _address_near(ingest: Listen, offset: int, text: str | None) -> Listen | None:
    """Returns the given address, by default the port of ingest plus `offset`.

    Returns None for `none`, and where the default would be beyond the last port.
    """
    if text is None and ingest.port + offset <= PORT_MAX:
        return Listen(ingest.host, ingest.port + offset)
    return None if text in {None, "none"} else Listen.parse(str(text))


def _announce(stack: Stack, *, as_json: bool) -> None:
    """Shows the addresses, the first steps, and the first admin's one-time link to the console."""
    document = {
        "url": stack.url,
        "console_url": stack.url_of("console"),
        "metrics_url": stack.url_of("metrics"),
        "data": str(stack.folder.path),
        "pids": stack.pids,
    }
    console = ""
    if url := stack.url_of("console"):
        settings = read_settings(stack.environment)
        with open_resources(settings) as resources:
            path = invite_first_admin(
                resources, terminal_actor(), passwords=settings.takes_passwords
            )
            console = f"Console: {url}{path}\n"
    waybill = shlex.join([sys.argv[0], "--data", str(stack.folder.path)])
    welcome = f"""\
Waybill is running at {stack.url}. Its data is in {stack.folder.path}. Press Ctrl-C to stop it.

Create an app and a token, in another terminal:
  {waybill} app create --name Shop
  {waybill} token create --app Shop --name backend

Send an event:
  curl '{stack.url}/postback?s2s_token=TOKEN&user_id=0000-AAAA-BBBB-CCCC&event_id=register'

See what it became, with the id from the response:
  {waybill} trace ID
"""
    show_if_read(document, welcome, console, as_json=as_json)


def _watch(stack: Stack, line: StatusLine, signals: ResizeSignals) -> None:
    """Keeps the programs alive, resizes the workers and updates the status line, until a signal."""
    # Children are restarted by this loop: a Redis that hangs must not hold it up.
    names = read_settings(stack.environment).names
    redis = connect_redis(stack.redis_url, names, _SAMPLE_SECONDS_MAX)
    before = _sample(redis)
    due_seconds = 0.0
    assert stack.fleet is not None
    while True:
        stack.watch()
        apply_resize(stack.fleet, signals, line.say)
        if time.monotonic() >= due_seconds:
            due_seconds = time.monotonic() + line.period_seconds
            now = _sample(redis)
            line.show(describe_load(now, before or now) if now else "Redis does not respond.")
            before = now
        time.sleep(_WATCH_SECONDS)


def _sample(redis: Redis) -> StatusSample | None:
    try:
        return StatusSample(read_status(redis), time.monotonic())
    except (RedisError, OSError):
        return None
