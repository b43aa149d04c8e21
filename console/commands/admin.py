"""`waybill admin`"""

import sys

import click
from rich.table import Table

from console.accounts.invitations import create_invitation
from console.accounts.people import (
    Person,
    create_person,
    deactivate_person,
    find_person,
    list_people,
    set_password,
)
from console.actor import Role, terminal_actor
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database

_PASSWORD_CHARACTERS_READ = 1_000


@click.group()
def admin() -> None:
    """People, who use the console."""


@admin.command("create")
@click.argument("name")
@click.option(
    "--role", type=click.Choice([*map(str, Role)]), default=str(Role.ADMIN), show_default=True
)
@json_option
@click.pass_obj
def create(context: CommandContext, name: str, role: str, as_json: bool) -> None:
    """Let somebody in, and show the link with which they choose a password."""
    settings = load_settings(context)
    with open_database(settings) as connection:
        made = create_person(connection, terminal_actor(), name, Role(role))
        secret = create_invitation(connection, settings.secret_key, terminal_actor(), made)
    _show_link(made, f"{settings.console_url}/welcome/{secret}", as_json=as_json)


@admin.command("link")
@click.argument("name")
@json_option
@click.pass_obj
def link(context: CommandContext, name: str, as_json: bool) -> None:
    """Show a new one-time link for somebody who has no password, or has forgotten it."""
    settings = load_settings(context)
    with open_database(settings) as connection:
        person = find_person(connection, name)
        secret = create_invitation(connection, settings.secret_key, terminal_actor(), person)
    _show_link(person, f"{settings.console_url}/welcome/{secret}", as_json=as_json)


@admin.command("password")
@click.argument("name")
@json_option
@click.pass_obj
def password(context: CommandContext, name: str, as_json: bool) -> None:
    """Set somebody's password, read from standard input; signs them out everywhere."""
    with open_database(load_settings(context)) as connection:
        person = find_person(connection, name)
        person = set_password(connection, terminal_actor(), person, _standard_input())
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List who may use the console."""
    with open_database(load_settings(context)) as connection:
        people = list_people(connection)
    show(
        {"people": people},
        _table(people) if people else "Nobody yet. See `waybill admin create --help`.",
        as_json=as_json,
    )


@admin.command("close")
@click.argument("name")
@json_option
@click.pass_obj
def close(context: CommandContext, name: str, as_json: bool) -> None:
    """Let somebody in no more, from now on."""
    with open_database(load_settings(context)) as connection:
        person = deactivate_person(connection, terminal_actor(), find_person(connection, name))
    show({"person": person}, _table([person]), as_json=as_json)


def _standard_input() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(_PASSWORD_CHARACTERS_READ).rstrip("\r\n")


def _show_link(person: Person, url: str, *, as_json: bool) -> None:
    sentence = "It works once and for a day, and lets them choose a password."
    show({"person": person, "link": url}, url, sentence, as_json=as_json)


def _table(people: list[Person]) -> Table:
    return table(
        ("name", "role", "password", "created (UTC)", "closed (UTC)"),
        (
            (
                person.name,
                person.role,
                "set" if person.has_password else "not chosen yet",
                person.created_at,
                person.closed_at,
            )
            for person in people
        ),
    )
