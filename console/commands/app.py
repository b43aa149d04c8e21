"""`waybill app`"""

from collections.abc import Callable

import click
from rich.console import RenderableType
from rich.table import Table

from console.actor import terminal_actor
from console.apps.apps import App, create_app, find_app, list_apps
from console.apps.rules import SETTINGS, RuleSetting, read_rules
from console.apps.settings import change_settings, read_refusals
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from shared.errors import OperatorError
from shared.rules import Rules

Command = Callable[..., None]

_RULES = "Earlier decisions stand until `waybill recompute`, or until a new fact touches them."


@click.group()
def app() -> None:
    """Apps, whose backends send events."""


@app.command("create")
@click.option("--name", required=True, help="How people call it.")
@click.option("--app-token", help="Keep the one that it has elsewhere; else one is made up.")
@json_option
@click.pass_obj
def create(context: CommandContext, name: str, app_token: str | None, as_json: bool) -> None:
    """Make an app."""
    with open_resources(load_settings(context)) as resources:
        made = create_app(resources, terminal_actor(), name, app_token)
    show({"app": made}, _table([made]), as_json=as_json)


@app.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List the apps."""
    with open_database(load_settings(context)) as connection:
        apps = list_apps(connection)
    show(
        {"apps": apps},
        _table(apps) if apps else "There is no app yet. Make one with `waybill app create`.",
        as_json=as_json,
    )


@app.command("show")
@app_option
@json_option
@click.pass_obj
def show_(context: CommandContext, app: str, as_json: bool) -> None:
    """Show an app with its rules for attribution and sessions, and what it refuses."""
    with open_database(load_settings(context)) as connection:
        found = find_app(connection, app)
        rules, refusals = read_rules(connection, found), read_refusals(connection, found)
    document = {"app": found, "rules": rules, "adjust_refusals": refusals}
    show(document, _table([found]), _settings(rules, refusals), as_json=as_json)


def _setting_options(command: Command) -> Command:
    for setting in reversed(SETTINGS):
        option = click.option(
            f"--{setting.option}",
            setting.option.replace("-", "_"),
            type=int,
            help=f"{setting.help} {setting.smallest} to {setting.largest}.",
        )
        command = option(command)
    return command


@app.command("set")
@app_option
@click.option("--name", help="How people call it.")
@click.option("--currency", help="What reports convert to, a code of ISO 4217.")
@click.option("--destination", help='Where new links lead unless they say; "" for nowhere.')
@_setting_options
@click.option(
    "--adjust-refusals/--no-adjust-refusals",
    default=None,
    help="In the Adjust dialect, also refuse what Adjust refuses for what came before it.",
)
@json_option
@click.pass_obj
def set_(
    context: CommandContext, /, app: str, as_json: bool, **given: str | int | bool | None
) -> None:
    """Change an app: its name, where it counts, its rules for what is decided from now on."""
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        raise OperatorError("Name at least one setting. See `waybill app set --help`.")
    with open_resources(load_settings(context)) as resources:
        connection = resources.connection
        before = find_app(connection, app)
        old = read_rules(connection, before)
        changed = change_settings(resources, terminal_actor(), before, values)
        rules, refusals = read_rules(connection, changed), read_refusals(connection, changed)
    document = {"app": changed, "rules": rules, "adjust_refusals": refusals}
    notes = [_RULES] if rules != old else []
    show(document, _table([changed]), _settings(rules, refusals), *notes, as_json=as_json)


def _settings(rules: Rules, adjust_refusals: bool) -> RenderableType:
    named = [(setting.option, _in_units(setting, rules)) for setting in SETTINGS]
    return pairs([("rules version", rules.version), *named, ("adjust-refusals", adjust_refusals)])


def _in_units(setting: RuleSetting, rules: Rules) -> str:
    return f"{getattr(rules, setting.rule) / setting.unit_ms:g} {setting.unit}"


def _table(apps: list[App]) -> Table:
    return table(
        ("app", "app token", "currency", "destination", "created (UTC)"),
        (
            (made.name, made.app_token, made.currency, made.destination or "", made.created_at)
            for made in apps
        ),
    )
