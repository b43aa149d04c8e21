"""`waybill key`: the keys of the console's HTTP API."""

import click
from rich.table import Table

from console.accounts.api_keys import (
    DAYS_DEFAULT,
    DAYS_MAX,
    Key,
    KeyLimits,
    create_key,
    list_keys,
    revoke_key,
)
from console.actor import Role, terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from shared.errors import OperatorError

_ONCE = "This is the only time that the key is shown. Send it as `Authorization: Bearer KEY`."


@click.group()
def key() -> None:
    """Manage the keys of the console's HTTP API."""


@key.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([*map(str, Role)]),
    default=str(Role.VIEWER),
    show_default=True,
    help="The scope: a viewer's key reads, an admin's key also changes things.",
)
@click.option("--app", help="Only for this app, by name or app token.")
@click.option(
    "--days",
    type=click.IntRange(1, DAYS_MAX),
    default=DAYS_DEFAULT,
    show_default=True,
    help="The days until it expires.",
)
@json_option
@click.pass_obj
def create(
    context: CommandContext, name: str, role: str, app: str | None, days: int, as_json: bool
) -> None:
    """Create a key and show it, once."""
    settings = load_settings(context)
    with open_database(settings) as connection:
        limits = KeyLimits(days, find_app(connection, app).id if app else None)
        actor = terminal_actor()
        issued = create_key(connection, settings.secret_key, actor, name, Role(role), limits)
    show(issued, issued.secret, _ONCE, as_json=as_json)


@key.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List the keys, masked."""
    with open_database(load_settings(context)) as connection:
        keys = list_keys(connection)
    show({"keys": keys}, _table(keys) if keys else "No keys yet.", as_json=as_json)


@key.command("revoke")
@click.argument("name")
@json_option
@click.pass_obj
def revoke(context: CommandContext, name: str, as_json: bool) -> None:
    """Revoke a key, immediately and permanently."""
    with open_database(load_settings(context)) as connection:
        number = next((key.id for key in list_keys(connection) if key.name == name), None)
        if number is None:
            raise OperatorError("There is no key with this name.", "See `waybill key list`.")
        revoked = revoke_key(connection, terminal_actor(), number)
    show({"key": revoked}, _table([revoked]), as_json=as_json)


def _table(keys: list[Key]) -> Table:
    return table(
        (
            *("key", "role", "app", "made by", "masked"),
            *("created (UTC)", "last used (UTC)", "expires (UTC)", "revoked (UTC)"),
        ),
        (
            (
                *(key.name, key.role, key.app, key.maker, key.masked),
                *(key.created_at, key.used_at, key.expires_at, key.revoked_at),
            )
            for key in keys
        ),
    )
