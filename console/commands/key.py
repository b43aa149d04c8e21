"""`waybill key`: the keys of the console's HTTP API, and the rotation of the installation's key."""

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
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.keys.key_rotation import finish_rotation, rotate_key
from deploy.folder import DataFolder
from shared.errors import OperatorError

_BOTH_KEYS = "A program that does not know both keys accepts nothing from now on."
_ONCE = "This is the only time that the key is shown. Send it as `Authorization: Bearer KEY`."


@click.group()
def key() -> None:
    """Manage API keys, and rotate the installation's key."""


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


@key.command("rotate")
@click.option("--prepare", is_flag=True, help="Make a new key in the data folder.")
@click.option("--finish", is_flag=True, help="Accept the former key no more.")
@click.option("--force", is_flag=True, help="With --finish: revoke what was not used since.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@click.pass_obj
def rotate(
    context: CommandContext, prepare: bool, finish: bool, force: bool, yes: bool, as_json: bool
) -> None:
    """Rotate the installation's key, under which tokens are stored.

    First every program learns both keys: with a data folder, run `waybill key rotate --prepare` and
    restart `waybill up`; otherwise set WAYBILL_SECRET_KEY to a new key and
    WAYBILL_PREVIOUS_SECRET_KEY to the present one, and restart every program. Then rotate. Each
    token and API key is stored under the new key when it is next used. --finish lists those that
    were not, or ends the acceptance of the former key.
    """
    folder = DataFolder.at(context.data)
    if prepare:
        folder.prepare_rotation()
        show({"prepared": True}, "Restart `waybill up`, then rotate the key.", as_json=as_json)
        return
    with open_resources(load_settings(context)) as resources:
        if finish:
            unused = finish_rotation(resources, terminal_actor(), force=force)
            folder.forget_previous_key()
            show({"revoked": unused.names()}, "Only the new key is accepted.", as_json=as_json)
            return
        folder.require_restarted()
        if as_json and not yes:
            raise OperatorError(f"{_BOTH_KEYS} Confirm with --yes.")
        if not yes:
            click.confirm(f"{_BOTH_KEYS} Rotate?", abort=True, err=True)
        unused = rotate_key(resources, terminal_actor())
    sentence = f"{len(unused.names())} tokens and API keys move to the new key when they are used."
    show({"unused": unused.names()}, sentence, as_json=as_json)


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
