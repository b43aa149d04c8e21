"""`waybill app`: apps and their settings."""

from collections.abc import Callable
from typing import Any

import click
import msgspec
from rich.console import RenderableType
from rich.table import Table

from console.actor import terminal_actor
from console.apps.apps import AUTOMATIC, ActiveBy, App, create_app, find_app, list_apps
from console.apps.destination_hosts import split_hosts
from console.apps.limits import read_limits
from console.apps.rules import SETTINGS, read_rules
from console.apps.settings import change_settings
from console.apps.switches import SWITCHES, read_switches
from console.commands.terminal.options import app_option, environment_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.exchange.stored_rates import load_rates
from console.onboarding.attention import read_attention
from console.onboarding.checklist import read_checklist
from console.onboarding.sample_event import IngestCaller, send_sample_event
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import OperatorError
from shared.limits.app_limits import LIMIT_MAX, LIMITS

Command = Callable[..., None]

_PAST_DATA = (
    "Earlier decisions stay in force until `waybill recompute`, or until new data affects them."
)


@click.group()
def app() -> None:
    """Manage apps, whose backends send events."""


@app.command("create")
@click.option("--name", required=True, help="Display name.")
@click.option("--app-token", help="App token to keep from another system; by default generated.")
@json_option
@click.pass_obj
def create(context: CommandContext, name: str, app_token: str | None, as_json: bool) -> None:
    """Create an app."""
    with open_resources(load_settings(context)) as resources:
        created = create_app(resources, terminal_actor(), name, app_token)
    show({"app": created}, _table([created]), as_json=as_json)


@app.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List the apps."""
    with open_database(load_settings(context)) as connection:
        apps = list_apps(connection)
    show(
        {"apps": apps},
        _table(apps) if apps else "No apps yet. Create one with `waybill app create`.",
        as_json=as_json,
    )


@app.command("show")
@app_option
@json_option
@click.pass_obj
def show_(context: CommandContext, app: str, as_json: bool) -> None:
    """Show an app and its settings.

    The settings are the rules for attribution and sessions, and what senders may do.
    """
    with open_database(load_settings(context)) as connection:
        shown = find_app(connection, app)
        document, settings = _document(connection, shown)
    show(document, _table([shown]), settings, as_json=as_json)


@app.command("overview")
@app_option
@environment_option
@json_option
@click.pass_obj
def overview(context: CommandContext, app: str, environment: str, as_json: bool) -> None:
    """Show what needs attention in an app, and which steps of its setup are open."""
    with open_resources(load_settings(context)) as resources:
        shown = find_app(resources.connection, app)
        attention = read_attention(resources, shown, environment, now_ms())
        steps = read_checklist(resources.connection, shown)
    show(
        {"attention": attention, "steps": steps},
        table(("step", "done"), ((step.text, step.is_done) for step in steps)),
        *([item.text for item in attention] or ["Nothing needs attention."]),
        as_json=as_json,
    )


@app.command("test-event")
@app_option
@json_option
@click.pass_obj
def send_test_event(context: CommandContext, app: str, as_json: bool) -> None:
    """Send a test event through ingest, into the sandbox.

    Its token is revoked at once. `waybill trace` shows what becomes of the event.
    """
    settings = load_settings(context)
    with open_resources(settings) as resources:
        target = find_app(resources.connection, app)
        ingest = IngestCaller(settings.ingest_url)
        sent = send_sample_event(resources, terminal_actor(), target, ingest, now_ms())
    text = f"Ingest accepted {sent.event_id} of user {sent.user_id}: receipt ID {sent.receipt}."
    show({"event": sent}, text, as_json=as_json)


def _setting_options(command: Command) -> Command:
    for setting in reversed(SETTINGS):
        option = click.option(
            f"--{setting.option}",
            setting.option.replace("-", "_"),
            type=int,
            help=f"{setting.help} {setting.smallest} to {setting.largest}.",
        )
        command = option(command)
    for switch in reversed(SWITCHES):
        option = click.option(
            f"--{switch.option}/--no-{switch.option}",
            switch.name,
            default=None,
            help=f"{switch.help} {switch.risk}".strip(),
        )
        command = option(command)
    for limit in reversed(LIMITS):
        default = limit.default or "no limit"
        option = click.option(
            f"--{limit.option}",
            limit.name,
            type=click.IntRange(0, LIMIT_MAX),
            help=f"{limit.help} 0: no limit. By default {default}.",
        )
        command = option(command)
    return command


@app.command("set")
@app_option
@click.option("--name", help="Display name.")
@click.option("--currency", help="Currency of reports, an ISO 4217 code.")
@click.option(
    "--destination", help='Default destination of new links, an address; "" to remove it.'
)
@click.option(
    "--destination-hosts",
    help='Where links may lead: hosts and schemes such as shop.example,*.shop.example,shop://; "" '
    "for any web address.",
)
@click.option(
    "--active-users-by",
    type=click.Choice([AUTOMATIC, *map(str, ActiveBy)]),
    help="Active users and retention count sessions or any event; by default what users have.",
)
@click.option(
    "--time-zone",
    help="Time zone of the app's days, such as Asia/Kolkata. The days so far are counted again.",
)
@_setting_options
@json_option
@click.pass_obj
def set_(
    context: CommandContext, /, app: str, as_json: bool, **options: str | int | bool | None
) -> None:
    """Change the settings of an app.

    Rules apply to what is decided from now on; `waybill recompute` applies them to past data.
    """
    values: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    limits = {limit.name: values.pop(limit.name) for limit in LIMITS if limit.name in values}
    if limits:
        values["limits"] = limits
    if "destination_hosts" in values:
        values["destination_hosts"] = split_hosts(values["destination_hosts"])
    if not values:
        raise OperatorError("Specify at least one setting. See `waybill app set --help`.")
    with open_resources(load_settings(context)) as resources:
        connection = resources.connection
        load_rates(connection)
        before = find_app(connection, app)
        old = read_rules(connection, before)
        changed = change_settings(resources, terminal_actor(), before, values)
        document, settings = _document(connection, changed)
    notes = [_PAST_DATA] if document["rules"] != old else []
    if changed.time_zone != before.time_zone:
        notes.append(
            f"Days are counted in {changed.time_zone} from now on, and those so far again."
        )
    show(document, _table([changed]), settings, *notes, as_json=as_json)


def _document(connection: Connection, app: App) -> tuple[dict[str, Any], RenderableType]:
    """Returns an app and its settings, for programs and as a list under the options' names."""
    rules, switches = read_rules(connection, app), read_switches(connection, app)
    limits = msgspec.structs.asdict(read_limits(connection, app))
    in_units = [
        (
            setting.option,
            f"{getattr(rules, setting.rule) / setting.unit_ms:g} {setting.unit}",
        )
        for setting in SETTINGS
    ]
    turned = [(switch.option, switches[switch.name]) for switch in SWITCHES]
    counted = ("active-users-by", app.active_users_by or AUTOMATIC)
    zone = ("time-zone", app.time_zone)
    led = ("destination-hosts", ", ".join(app.destination_hosts) or "any web address")
    limited = [(limit.option, limits[limit.name] or "no limit") for limit in LIMITS]
    shown = pairs(
        [("rules version", rules.version), *in_units, *turned, counted, zone, led, *limited]
    )
    return {"app": app, "rules": rules, **switches, "limits": limits}, shown


def _table(apps: list[App]) -> Table:
    return table(
        ("app", "app token", "currency", "default destination", "created (UTC)"),
        (
            (app.name, app.app_token, app.currency, app.destination or "", app.created_at)
            for app in apps
        ),
    )
