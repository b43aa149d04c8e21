"""`waybill s2s-security`"""

import click
from rich.console import RenderableType

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import app_option, json_option, scope_option
from console.commands.terminal.output import say, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.security.enforcement import (
    ONLY_CONFIGURED_TOKENS,
    Enforcement,
    disable_enforcement,
    enable_enforcement,
    read_enforcement,
)
from shared.errors import OperatorError
from shared.scopes import Scope


@click.group("s2s-security")
def s2s_security() -> None:
    """Enforcement: which requests in the Adjust dialect need a token."""


@s2s_security.command("status")
@app_option
@json_option
@click.pass_obj
def status(context: CommandContext, app: str, as_json: bool) -> None:
    """Show which scopes are enforced, and which active tokens cover each."""
    with open_database(load_settings(context)) as connection:
        enforcement = read_enforcement(connection, find_app(connection, app))
    _show(enforcement, as_json=as_json)


@s2s_security.command("enable")
@app_option
@scope_option("Enforce it alone; without any, all are enforced.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def enable(
    context: CommandContext, app: str, scopes: tuple[Scope, ...], yes: bool, as_json: bool
) -> None:
    """Refuse requests in the Adjust dialect that have no valid token."""
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        if not yes:
            _agree(as_json=as_json)
        wanted = scopes or tuple(Scope)
        enforcement = enable_enforcement(resources, terminal_actor(), found, wanted)
    _show(enforcement, as_json=as_json)


@s2s_security.command("disable")
@app_option
@scope_option("Enforce it no more; without any, none is enforced.")
@json_option
@click.pass_obj
def disable(context: CommandContext, app: str, scopes: tuple[Scope, ...], as_json: bool) -> None:
    """Accept requests in the Adjust dialect that have no valid token."""
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        wanted = scopes or tuple(Scope)
        enforcement = disable_enforcement(resources, terminal_actor(), found, wanted)
    _show(enforcement, as_json=as_json)


def _agree(*, as_json: bool) -> None:
    if as_json:
        raise OperatorError(f"{ONLY_CONFIGURED_TOKENS} Give --yes to agree to it.")
    say(ONLY_CONFIGURED_TOKENS)
    click.confirm("Turn on?", abort=True, err=True)


def _show(enforcement: Enforcement, *, as_json: bool) -> None:
    show(enforcement, _table(enforcement), as_json=as_json)
    if not as_json:
        for warning in enforcement.warnings:
            say(warning)


def _table(enforcement: Enforcement) -> RenderableType:
    return table(
        ("scope", "enforced", "active tokens that cover it"),
        (
            (each.scope, each.enforced, ", ".join(each.tokens) or "none")
            for each in enforcement.scopes
        ),
    )
