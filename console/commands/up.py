"""`waybill up`"""

import shlex
import sys
import time
from pathlib import Path

import click

from console.accounts.invitations import invite_first_admin
from console.actor import terminal_actor
from console.commands.terminal.launch import (
    Extent,
    Steps,
    await_ready,
    counted_steps,
    follow_steps,
    plan_stack,
    until_stopped,
)
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.commands.terminal.status_line import Look, StatusLine, describe_load
from console.connections import CommandContext, open_resources
from console.pipeline.health import read_status
from deploy.fleet import WORKERS_MAX
from deploy.listen import PORT_MAX, Listen
from deploy.stack import Stack
from shared.redis import Redis, RedisError
from shared.redis import connect as connect_redis
from shared.settings import read_settings

_WATCH_SECONDS = 0.2


@click.command()
@click.option("--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT")
@click.option(
    "--console",
    metavar="HOST:PORT",
    help="Where the console answers, or `none`; else at ingest's host, one port further.",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    help="Where the pipeline's metrics are, or `none`; else at ingest's host, two ports further.",
)
@click.option("--data", type=click.Path(path_type=Path), help="As `waybill --data`.")
@click.option("--workers", type=click.IntRange(1, WORKERS_MAX), default=2, show_default=True)
@json_option
@click.pass_obj
def up(
    context: CommandContext,
    /,
    listen: str,
    data: Path | None,
    workers: int,
    as_json: bool,
    **beside: str | None,
) -> None:
    """Start everything here and stay until Ctrl-C."""
    context = CommandContext(data or context.data, context.environment)
    line = StatusLine(sys.stderr, enabled=not as_json)
    ingest = Listen.parse(listen)
    served = _beside(ingest, 1, beside["console"]), _beside(ingest, 2, beside["metrics"])
    extent = Extent(ingest, workers, *served)
    stack = plan_stack(context.data, context.variables, extent, line.say)
    with until_stopped(), counted_steps() as steps, stack:
        await_ready(stack)
        found = {
            "url": stack.url,
            "console_url": stack.url_of("console"),
            "metrics_url": stack.url_of("metrics"),
            "data": str(stack.folder.path),
            "pids": stack.pids,
        }
        show(found, _welcome(stack), _way_in(stack), as_json=as_json)
        redis = connect_redis(stack.redis_url)
        _stay(stack, redis, line, steps)
    line.say("Stopped.")


def _beside(ingest: Listen, further: int, text: str | None) -> Listen | None:
    """As asked for, else so many ports further; behind the last port people have to name one."""
    if text is None and ingest.port + further <= PORT_MAX:
        return Listen(ingest.host, ingest.port + further)
    return None if text in {None, "none"} else Listen.parse(str(text))


def _way_in(stack: Stack) -> str:
    """Where the console is, and for the first admin how to come in."""
    url = stack.url_of("console")
    if url is None:
        return ""
    with open_resources(read_settings(stack.environment)) as resources:
        path = invite_first_admin(resources, terminal_actor())
    return f"The console: {url}{path}\n"


def _stay(stack: Stack, redis: Redis, line: StatusLine, steps: Steps) -> None:
    before = _look(redis)
    due_seconds = 0.0
    assert stack.fleet is not None
    while True:
        stack.watch()
        follow_steps(stack.fleet, steps, line.say)
        if time.monotonic() >= due_seconds:
            due_seconds = time.monotonic() + line.period_seconds
            now = _look(redis)
            line.show(describe_load(now, before or now) if now else "Redis does not answer.")
            before = now
        time.sleep(_WATCH_SECONDS)


def _look(redis: Redis) -> Look | None:
    try:
        return Look(read_status(redis), time.monotonic())
    except RedisError:
        return None


def _welcome(stack: Stack) -> str:
    waybill = shlex.join([sys.argv[0], "--data", str(stack.folder.path)])
    return f"""\
Waybill runs at {stack.url}. Its data is in {stack.folder.path}. Ctrl-C stops it.

Make an app and a token, in another terminal:
  {waybill} app create --name Shop
  {waybill} token create --app Shop --name backend

Send an event:
  curl '{stack.url}/postback?s2s_token=TOKEN&user_id=0000-AAAA-BBBB-CCCC&event_id=register'

Ask what became of it, with the id of the answer:
  {waybill} trace ID
"""
