"""`waybill token`: the tokens that authenticate senders."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
from rich.table import Table

from console.actor import Actor, terminal_actor
from console.apps.apps import App, find_app
from console.commands.terminal.options import MOMENT, app_option, json_option, scope_option
from console.commands.terminal.output import say, show, table
from console.connections import CommandContext, load_settings, open_resources
from console.resources import Resources
from console.security.new_tokens import (
    SAFE_BYTES_MIN,
    NewToken,
    create_token,
    import_token,
    read_secret,
    rotate_token,
)
from console.security.token_table import Token
from console.security.tokens import (
    ChangedToken,
    activate_token,
    deactivate_token,
    edit_token,
    list_tokens,
    rename_token,
    revoke_token,
)
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.tokens import TOKEN_BYTES_MAX

Command = TypeVar("Command", bound=Callable[..., Any])
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_WEAK = (
    f"This token has fewer than {SAFE_BYTES_MIN} characters and can be found by guessing. "
    "Move its senders to a token created by `waybill token create`."
)
_ONCE = "This is the only time that the token is shown. Ingest accepts it within a second."
_BOTH = "Both tokens work now. Deactivate the first once every sender has the second."


@click.group()
def token() -> None:
    """Manage tokens, which authenticate senders."""


def _new_token_options(command: Command) -> Command:
    """Adds the options that are the fields of NewToken."""
    options = (
        click.option(
            "--name", required=True, help="Name of its holder; it cannot be changed later."
        ),
        scope_option("Scope that the token is limited to; by default it has all."),
        click.option("--test", is_flag=True, help="Put its events into the sandbox."),
        click.option(
            "--sdk", is_flag=True, help="Make it public: for what an SDK sends, and no scope."
        ),
        click.option(
            "--expires",
            "expires_at",
            type=MOMENT,
            help="Time (UTC) from which it is refused; by default never.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@token.command("create")
@app_option
@_new_token_options
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create a token and show it, once."""
    issued = _apply(context, app, create_token, NewToken(**options))
    show(issued, issued.secret, _ONCE, as_json=as_json)


@token.command("import")
@app_option
@_new_token_options
@json_option
@click.pass_obj
def import_(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Import a token that senders already use.

    The token is read from standard input.
    """
    if sys.stdin.isatty():
        line = str(click.prompt("Token", hide_input=True, err=True)).encode()
    else:
        # One byte more than is allowed, so that too long a token is noticed.
        line = sys.stdin.buffer.read(TOKEN_BYTES_MAX + len("\r\n") + 1)
    secret = read_secret(line)
    imported = _apply(context, app, import_token, NewToken(**options), secret)
    weak = (_WEAK,) if len(secret.encode()) < SAFE_BYTES_MIN else ()
    _show(ChangedToken(imported, weak), as_json=as_json)


@token.command("list")
@app_option
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, as_json: bool) -> None:
    """List the tokens of an app, masked."""
    with open_resources(load_settings(context)) as resources:
        tokens = list_tokens(resources, find_app(resources.connection, app))
    show(
        {"tokens": tokens},
        _table(tokens) if tokens else "The app has no tokens yet.",
        as_json=as_json,
    )


@token.command("edit")
@app_option
@click.argument("name")
@scope_option("Scope that the token has from now on; scopes not given are removed.")
@click.option("--all-scopes", is_flag=True, help="Give it all scopes.")
@json_option
@click.pass_obj
def edit(
    context: CommandContext,
    app: str,
    name: str,
    scopes: tuple[Scope, ...],
    all_scopes: bool,
    as_json: bool,
) -> None:
    """Change the scopes of a token."""
    if bool(scopes) == all_scopes:
        raise OperatorError("Specify the scopes of the token with --scope, or --all-scopes.")
    _show(_apply(context, app, edit_token, name, scopes), as_json=as_json)


@token.command("deactivate")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def deactivate(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Deactivate a token; it can be activated again."""
    _show(_apply(context, app, deactivate_token, name), as_json=as_json)


@token.command("activate")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def activate(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Activate a token that was deactivated."""
    _show(_apply(context, app, activate_token, name), as_json=as_json)


@token.command("revoke")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def revoke(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Revoke a token permanently, within a second."""
    _show(_apply(context, app, revoke_token, name), as_json=as_json)


@token.command("rename")
@app_option
@click.argument("name")
@click.option("--to", "new_name", required=True, help="New name.")
@json_option
@click.pass_obj
def rename(context: CommandContext, app: str, name: str, new_name: str, as_json: bool) -> None:
    """Rename a token."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        changed = rename_token(resources, terminal_actor(), owner, name, new_name)
    _show(changed, as_json=as_json)


@token.command("rotate")
@app_option
@click.argument("name")
@click.option("--name", "new_name", required=True, help="Name of the second token.")
@json_option
@click.pass_obj
def rotate(context: CommandContext, app: str, name: str, new_name: str, as_json: bool) -> None:
    """Create a second token like the first and show it, once.

    It has the same scopes, environment and expiry; both work until the first is deactivated.
    """
    issued = _apply(context, app, rotate_token, name, new_name)
    show(issued, issued.secret, _ONCE, _BOTH, as_json=as_json)


def _apply(
    context: CommandContext,
    app: str,
    change: Callable[Concatenate[Resources, Actor, App, Arguments], Result],
    *arguments: Arguments.args,
    **named_arguments: Arguments.kwargs,
) -> Result:
    """Opens the stores and applies a change to the tokens of the app."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        return change(resources, terminal_actor(), owner, *arguments, **named_arguments)


def _show(changed: ChangedToken, *, as_json: bool) -> None:
    show(changed, _table([changed.token]), as_json=as_json)
    if not as_json:
        for warning in changed.warnings:
            say(warning)


def _table(tokens: Sequence[Token]) -> Table:
    columns = ("token", "masked", "scopes", "events", "state", "created (UTC)", "created by")
    return table(
        (*columns, "last used (UTC)", "expires (UTC)"),
        (
            (
                token.name,
                token.masked,
                ", ".join(token.scopes) or "all",
                "sandbox" if token.test else "production",
                token.state,
                token.created_at,
                token.created_by,
                token.last_used_at,
                token.expires_at,
            )
            for token in tokens
        ),
    )
