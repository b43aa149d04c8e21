"""`waybill token`"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
from rich.table import Table

from console.actor import Actor, terminal_actor
from console.apps.apps import App, find_app
from console.commands.terminal.options import app_option, json_option, scope_option
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
    revoke_token,
)
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.tokens import TOKEN_BYTES_MAX

Command = TypeVar("Command", bound=Callable[..., Any])
Given = ParamSpec("Given")
Made = TypeVar("Made")

_WEAK = (
    f"This token has less than {SAFE_BYTES_MIN} characters: it can be found by trying. "
    "Move its senders to a token made by `waybill token create`."
)
_ONCE = "This is the only time that it is shown. Ingest accepts it within a second."
_BOTH = "Both tokens work now. Deactivate the first once every sender has the second."


@click.group()
def token() -> None:
    """Tokens, which authorise senders."""


def _new_token_options(command: Command) -> Command:
    """What a new token may be given: the fields of NewToken."""
    moment = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
    options = (
        click.option("--name", required=True, help="Who holds it. It cannot be changed later."),
        scope_option("What it may be used for; without any, for everything."),
        click.option("--test", is_flag=True, help="Its events are of the sandbox."),
        click.option(
            "--expires", "expires_at", type=moment, help="From then on (UTC) it lets nobody in."
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
def create(context: CommandContext, /, app: str, *, as_json: bool, **given: Any) -> None:
    """Make a token and show it, once."""
    new = _new_token(**given)
    made = _do(context, app, create_token, new)
    show(made, made.secret, _ONCE, as_json=as_json)


@token.command("import")
@app_option
@_new_token_options
@json_option
@click.pass_obj
def import_(context: CommandContext, /, app: str, *, as_json: bool, **given: Any) -> None:
    """Accept a token that senders already hold, read from standard input."""
    new, secret = _new_token(**given), read_secret(_standard_input())
    made = _do(context, app, import_token, new, secret)
    weak = (_WEAK,) if len(secret.encode()) < SAFE_BYTES_MIN else ()
    _show(ChangedToken(made, weak), as_json=as_json)


@token.command("list")
@app_option
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, as_json: bool) -> None:
    """List an app's tokens, masked."""
    with open_resources(load_settings(context)) as resources:
        tokens = list_tokens(resources, find_app(resources.connection, app))
    show(
        {"tokens": tokens},
        _table(tokens) if tokens else "The app has no token yet.",
        as_json=as_json,
    )


@token.command("edit")
@app_option
@click.argument("name")
@scope_option("The scopes that it is to have, and no others.")
@click.option("--all-scopes", is_flag=True, help="It may be used for everything.")
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
    """Change what a token may be used for."""
    if bool(scopes) == all_scopes:
        raise OperatorError("Name the scopes that the token is to have, or give --all-scopes.")
    _show(_do(context, app, edit_token, name, scopes), as_json=as_json)


@token.command("deactivate")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def deactivate(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Accept a token no more, until it is activated again."""
    _show(_do(context, app, deactivate_token, name), as_json=as_json)


@token.command("activate")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def activate(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Accept a token again that was deactivated."""
    _show(_do(context, app, activate_token, name), as_json=as_json)


@token.command("revoke")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def revoke(context: CommandContext, app: str, name: str, as_json: bool) -> None:
    """Accept a token no more, from within a second on and for good."""
    _show(_do(context, app, revoke_token, name), as_json=as_json)


@token.command("rotate")
@app_option
@click.argument("name")
@click.option("--name", "new_name", required=True, help="How the second token is called.")
@json_option
@click.pass_obj
def rotate(context: CommandContext, app: str, name: str, new_name: str, as_json: bool) -> None:
    """Make a second token that may do what the first may, and show it, once."""
    made = _do(context, app, rotate_token, name, new_name)
    show(made, made.secret, _ONCE, _BOTH, as_json=as_json)


def _do(
    context: CommandContext,
    app: str,
    change: Callable[Concatenate[Resources, Actor, App, Given], Made],
    *given: Given.args,
    **named: Given.kwargs,
) -> Made:
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        return change(resources, terminal_actor(), found, *given, **named)


def _new_token(
    name: str, scopes: tuple[Scope, ...], *, test: bool, expires_at: datetime | None
) -> NewToken:
    moment = expires_at and expires_at.replace(tzinfo=UTC)
    return NewToken(name, scopes, test, moment)


def _standard_input() -> bytes:
    """One line, and one byte more than is allowed, so that too much is noticed."""
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True, err=True)).encode()
    return sys.stdin.buffer.read(TOKEN_BYTES_MAX + len("\r\n") + 1)


def _show(changed: ChangedToken, *, as_json: bool) -> None:
    show(changed, _table([changed.token]), as_json=as_json)
    if not as_json:
        for warning in changed.warnings:
            say(warning)


def _table(tokens: Sequence[Token]) -> Table:
    return table(
        (
            *("token", "masked", "scopes", "events", "state"),
            *("created (UTC)", "by", "last used (UTC)", "expires (UTC)"),
        ),
        (
            (
                made.name,
                made.masked,
                ", ".join(made.scopes) or "all",
                "sandbox" if made.test else "production",
                made.state,
                made.created_at,
                made.created_by,
                made.last_used_at,
                made.expires_at,
            )
            for made in tokens
        ),
    )
