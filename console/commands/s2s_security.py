"""`waybill s2s-security`: authentication in the Adjust dialect."""

import click

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
    """Manage authentication in the Adjust dialect.

    While it is on, requests without a valid token are refused. Adjust calls this S2S security. The
    Swaarm dialect always requires a token. Alias: authentication.
    """


@s2s_security.command("status")
@app_option
@json_option
@click.pass_obj
def status(context: CommandContext, app: str, as_json: bool) -> None:
    """Show whether it is on, and the active tokens, by scope."""
    with open_database(load_settings(context)) as connection:
        enforcement = read_enforcement(connection, find_app(connection, app))
    _show(enforcement, as_json=as_json)


@s2s_security.command("enable")
@app_option
@scope_option("Scope to turn authentication on for; by default all scopes.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@click.pass_obj
def enable(
    context: CommandContext, app: str, scopes: tuple[Scope, ...], yes: bool, as_json: bool
) -> None:
    """Turn authentication on: refuse requests without a valid token."""
    with open_resources(load_settings(context)) as resources:
        protected = find_app(resources.connection, app)
        if as_json and not yes:
            raise OperatorError(f"{ONLY_CONFIGURED_TOKENS} Confirm with --yes.")
        if not yes:
            say(ONLY_CONFIGURED_TOKENS)
            click.confirm("Turn on authentication?", abort=True, err=True)
        chosen = scopes or tuple(Scope)
        enforcement = enable_enforcement(resources, terminal_actor(), protected, chosen)
    _show(enforcement, as_json=as_json)


@s2s_security.command("disable")
@app_option
@scope_option("Scope to turn authentication off for; by default all scopes.")
@json_option
@click.pass_obj
def disable(context: CommandContext, app: str, scopes: tuple[Scope, ...], as_json: bool) -> None:
    """Turn authentication off: accept requests without a valid token."""
    with open_resources(load_settings(context)) as resources:
        unprotected = find_app(resources.connection, app)
        chosen = scopes or tuple(Scope)
        enforcement = disable_enforcement(resources, terminal_actor(), unprotected, chosen)
    _show(enforcement, as_json=as_json)


def _show(enforcement: Enforcement, *, as_json: bool) -> None:
    rows = (
        (scope.scope, scope.enforced, ", ".join(scope.tokens) or "none")
        for scope in enforcement.scopes
    )
    show(enforcement, table(("scope", "on", "active tokens"), rows), as_json=as_json)
    if not as_json:
        for warning in enforcement.warnings:
            say(warning)
