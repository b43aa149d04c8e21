"""`waybill demo`: Swaarm's documented calls, or a sample week, in a temporary folder."""

import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from console.accounts.invitations import invite_first_admin
from console.actor import terminal_actor
from console.commands.terminal.demo_view import demo_document, demo_summary, demo_table
from console.commands.terminal.launch import (
    StackOptions,
    await_ready,
    plan_stack,
    until_stopped,
)
from console.commands.terminal.options import json_option
from console.commands.terminal.output import say, show
from console.connections import KEY, STORES, CommandContext, open_resources
from console.demo.calls import CALLS
from console.demo.demo import DemoRun, PartnerCallback, await_rows, create_demo_app, send
from console.demo.partner import (
    DemoPartner,
    create_demo_endpoint,
    playing_partner,
    tell_partner,
)
from console.demo.sample_week import create_sample_app, import_week
from deploy.listen import Listen
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.imports.line_import import ImportLimits
from shared.settings import Settings, read_settings

_FOLLOW_SECONDS_MAX = 30.0
_WATCH_SECONDS = 0.2
_WORKERS = 2


@click.command()
@click.option(
    "--keep",
    is_flag=True,
    help="Instead, generate a sample week of an app, and run the console until Ctrl-C.",
)
@json_option
@click.pass_obj
def demo(context: CommandContext, keep: bool, as_json: bool) -> int:
    """Send Swaarm's documented calls and show their rows.

    At the end it shows the callback that a partner received. Everything runs in a temporary folder
    and is deleted afterwards.
    """
    variables = own_stores_only(context.variables)
    played: DemoRun | None = None
    with until_stopped(), tempfile.TemporaryDirectory(prefix="waybill-demo-") as folder:
        if keep:
            _run_sample_week(Path(folder), variables, as_json=as_json)
        else:
            with playing_partner() as partner:
                played = _play_calls(Path(folder), variables, partner)
    if keep:
        return 0
    if played is None:
        raise OperatorError("The demo was interrupted.")
    show(demo_document(played), demo_table(played), demo_summary(played), as_json=as_json)
    return 0 if played.as_documented else 1


def own_stores_only(variables: Mapping[str, str]) -> dict[str, str]:
    """Removes the addresses of real stores, where a demo would leave its app behind."""
    real = {name + form for name in (*STORES, KEY) for form in ("", "_FILE")}
    return {name: value for name, value in variables.items() if name not in real}


def free_address() -> Listen:
    """Returns a loopback address whose port is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Listen("127.0.0.1", probe.getsockname()[1])


def _play_calls(data: Path, variables: Mapping[str, str], partner: DemoPartner) -> DemoRun:
    """Sends the documented calls, follows each to its row, and has the partner told."""

    def create_fixtures(settings: Settings) -> None:
        with open_resources(settings) as resources:
            create_demo_app(resources)
            create_demo_endpoint(resources, terminal_actor(), partner)

    started = time.monotonic()
    options = StackOptions(free_address(), _WORKERS)
    with plan_stack(
        data, {**variables, **partner.variables}, options, say, create_fixtures
    ) as stack:
        await_ready(stack)
        ready = time.monotonic()
        assert stack.url is not None
        answers = [(call, send(stack.url, call)) for call in CALLS]
        with open_resources(read_settings(stack.environment)) as resources:
            outcomes = await_rows(resources, answers, stack.watch, _FOLLOW_SECONDS_MAX)
            calls_seconds = time.monotonic() - ready
            trial = tell_partner(resources, terminal_actor(), now_ms, _FOLLOW_SECONDS_MAX)
        callback = PartnerCallback(tuple(partner.received), trial)
        return DemoRun(tuple(outcomes), ready - started, calls_seconds, callback)


def _run_sample_week(data: Path, variables: Mapping[str, str], *, as_json: bool) -> None:
    """Imports a sample week for a look at the console, and runs until a signal; nothing is kept."""
    options = StackOptions(free_address(), _WORKERS, console=free_address())
    with plan_stack(data, variables, options, say) as stack:
        await_ready(stack)
        settings, actor = read_settings(stack.environment), terminal_actor()
        with open_resources(settings) as resources:
            app = create_sample_app(resources, actor)
            limits = ImportLimits(settings.batch_events_max, settings.batch_bytes_max)
            imported = import_week(resources, actor, app, now_ms(), limits)
            console_url = f"{stack.url_of('console')}{invite_first_admin(resources, actor)}"
        document = {
            "console_url": console_url,
            "url": stack.url,
            "data": str(data),
            "imported": imported,
        }
        sentence = (
            f"{app.name} has {imported.events:,} events of a sample week. Console: {console_url}"
        )
        show(document, sentence, as_json=as_json)
        while True:
            stack.watch()
            time.sleep(_WATCH_SECONDS)
