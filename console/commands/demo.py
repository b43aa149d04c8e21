"""`waybill demo`"""

import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from console.accounts.invitations import invite_first_admin
from console.actor import terminal_actor
from console.commands.terminal.demo_view import played_document, played_summary, played_table
from console.commands.terminal.launch import Extent, await_ready, plan_stack, until_stopped
from console.commands.terminal.options import json_option
from console.commands.terminal.output import say, show
from console.connections import KEY, STORES, CommandContext, open_resources
from console.demo.calls import CALLS
from console.demo.demo import DemoRun, Outcome, await_rows, create_demo_app, send
from console.demo.sample_week import create_sample_app, import_week
from console.importer.imports import ImportLimits
from deploy.listen import Listen
from deploy.stack import Stack
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.settings import Settings, read_settings

_FOLLOW_SECONDS_MAX = 30.0
_WATCH_SECONDS = 0.2
_WORKERS = 2


@click.command()
@click.option(
    "--keep",
    is_flag=True,
    help="Instead, make up a week of an app and stay with the console until Ctrl-C.",
)
@json_option
@click.pass_obj
def demo(context: CommandContext, keep: bool, as_json: bool) -> int:
    """Start everything in a temporary folder, send Swaarm's documented calls, show the rows."""
    if keep:
        with until_stopped(), tempfile.TemporaryDirectory(prefix="waybill-demo-") as folder:
            _keep(Path(folder), own_stores_only(context.variables), as_json=as_json)
        return 0
    played: DemoRun | None = None
    with until_stopped(), tempfile.TemporaryDirectory(prefix="waybill-demo-") as folder:
        played = _play(Path(folder), own_stores_only(context.variables))
    if played is None:
        raise OperatorError("The demo was interrupted.")
    show(played_document(played), played_table(played), played_summary(played), as_json=as_json)
    return 0 if played.as_documented else 1


def own_stores_only(variables: Mapping[str, str]) -> dict[str, str]:
    """Without the addresses of real stores, where a demo would leave its app behind."""
    real = {name + form for name in (*STORES, KEY) for form in ("", "_FILE")}
    return {name: value for name, value in variables.items() if name not in real}


def free_address() -> Listen:
    """A port of this machine alone that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Listen("127.0.0.1", probe.getsockname()[1])


def _play(data: Path, variables: Mapping[str, str]) -> DemoRun:
    began = time.monotonic()
    extent = Extent(free_address(), _WORKERS)
    with plan_stack(data, variables, extent, say, _furnish) as stack:
        await_ready(stack)
        ready = time.monotonic()
        outcomes = _send_and_follow(stack)
        return DemoRun(tuple(outcomes), ready - began, time.monotonic() - ready)


def _keep(data: Path, variables: Mapping[str, str], *, as_json: bool) -> None:
    """A made-up week, to be looked at in the console; nothing of it stays."""
    extent = Extent(free_address(), _WORKERS, console=free_address())
    with plan_stack(data, variables, extent, say) as stack:
        await_ready(stack)
        settings, actor = read_settings(stack.environment), terminal_actor()
        with open_resources(settings) as resources:
            app = create_sample_app(resources, actor)
            limits = ImportLimits(settings.batch_events_max, settings.batch_bytes_max)
            imported = import_week(resources, actor, app, now_ms(), limits)
            way_in = f"{stack.url_of('console')}{invite_first_admin(resources, actor)}"
        found = {"console_url": way_in, "url": stack.url, "data": str(data), "imported": imported}
        told = f"{app.name} has {imported.events:,} events of a made-up week. The console: {way_in}"
        show(found, told, as_json=as_json)
        while True:
            stack.watch()
            time.sleep(_WATCH_SECONDS)


def _furnish(settings: Settings) -> None:
    with open_resources(settings) as resources:
        create_demo_app(resources)


def _send_and_follow(stack: Stack) -> list[Outcome]:
    assert stack.url is not None
    answers = [(call, send(stack.url, call)) for call in CALLS]
    with open_resources(read_settings(stack.environment)) as resources:
        return await_rows(resources, answers, stack.watch, _FOLLOW_SECONDS_MAX)
