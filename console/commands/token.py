"""`waybill token`"""

import sys

import click
from rich.table import Table

from console.apps import find_app
from console.options import app_option, json_option
from console.output import say, show, table
from console.stores import Place, open_database, open_installation, settings_here
from console.tokens import (
    SAFE_BYTES_MIN,
    Token,
    create_token,
    import_token,
    list_tokens,
    read_secret,
    revoke_token,
)
from shared.tokens import TOKEN_BYTES_MAX

_WEAK = (
    f"This token has less than {SAFE_BYTES_MIN} characters: it can be found by trying. "
    "Move its senders to a token made by `waybill token create`."
)
_ONCE = "This is the only time that it is shown. Ingest accepts it within a second."


@click.group()
def token() -> None:
    """Tokens, which authorise senders."""


@token.command("create")
@app_option
@click.option("--name", required=True, help="Who holds it.")
@click.option("--test", is_flag=True, help="Its events are of the sandbox.")
@json_option
@click.pass_obj
def create(place: Place, app: str, name: str, test: bool, as_json: bool) -> None:
    """Make a token and show it, once."""
    with open_installation(settings_here(place)) as installation:
        made = create_token(installation, find_app(installation.connection, app), name, test=test)
    show(made, made.secret, _ONCE, as_json=as_json)


@token.command("import")
@app_option
@click.option("--name", required=True, help="Who holds it.")
@click.option("--test", is_flag=True, help="Its events are of the sandbox.")
@json_option
@click.pass_obj
def import_(place: Place, app: str, name: str, test: bool, as_json: bool) -> None:
    """Accept a token that senders already hold, read from standard input."""
    secret = read_secret(_standard_input())
    with open_installation(settings_here(place)) as installation:
        app_found = find_app(installation.connection, app)
        made = import_token(installation, app_found, name, secret, test=test)
    warning = _WEAK if len(secret.encode()) < SAFE_BYTES_MIN else None
    show({"token": made, "warning": warning}, _table([made]), as_json=as_json)
    if warning and not as_json:
        say(warning)


@token.command("list")
@app_option
@json_option
@click.pass_obj
def list_(place: Place, app: str, as_json: bool) -> None:
    """List an app's tokens, masked."""
    with open_database(settings_here(place)) as connection:
        tokens = list_tokens(connection, find_app(connection, app))
    show(
        {"tokens": tokens},
        _table(tokens) if tokens else "The app has no token yet.",
        as_json=as_json,
    )


@token.command("revoke")
@app_option
@click.argument("name")
@json_option
@click.pass_obj
def revoke(place: Place, app: str, name: str, as_json: bool) -> None:
    """Accept a token no more, from within a second on."""
    with open_installation(settings_here(place)) as installation:
        revoked = revoke_token(installation, find_app(installation.connection, app), name)
    show({"token": revoked}, _table([revoked]), as_json=as_json)


def _standard_input() -> bytes:
    """One line, and one byte more than is allowed, so that too much is noticed."""
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True, err=True)).encode()
    return sys.stdin.buffer.read(TOKEN_BYTES_MAX + len("\r\n") + 1)


def _table(tokens: list[Token]) -> Table:
    return table(
        ("token", "masked", "events", "state", "created (UTC)", "revoked (UTC)"),
        (
            (
                made.name,
                made.masked,
                "sandbox" if made.test else "production",
                "active" if made.active else "revoked",
                made.created_at,
                made.revoked_at,
            )
            for made in tokens
        ),
    )
