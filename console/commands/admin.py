"""`waybill admin`: the accounts of the console."""

import sys

import click
from rich.table import Table

from console.accounts.app_roles import grant_app, revoke_app
from console.accounts.invitations import create_invitation
from console.accounts.people import (
    Person,
    create_person,
    deactivate_person,
    find_person,
    list_people,
    set_email,
    set_password,
    set_role,
)
from console.accounts.second_factor import remove_factor
from console.actor import AppRole, Role, terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.command_group import CommandGroup
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from shared.database import transaction

_PASSWORD_CHARACTERS_READ = 1_000


@click.group(cls=CommandGroup, aliases={"close": "deactivate"})
def admin() -> None:
    """Manage the accounts of the web console."""


@admin.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([*map(str, Role)]),
    default=str(Role.ADMIN),
    show_default=True,
    help="An admin changes things, a viewer only reads, a member reaches some apps.",
)
@click.option("--email", default="", help="Verified address at the identity provider.")
@json_option
@click.pass_obj
def create(context: CommandContext, name: str, role: str, email: str, as_json: bool) -> None:
    """Create an account and show its one-time link.

    The link lets its owner choose a password.
    """
    settings = load_settings(context)
    with open_database(settings) as connection, transaction(connection):
        person = create_person(connection, terminal_actor(), name, Role(role))
        if email:
            passwords = settings.takes_passwords
            person = set_email(connection, terminal_actor(), person, email, passwords=passwords)
        secret = create_invitation(connection, settings.secret_key, terminal_actor(), person)
    _show_link(person, f"{settings.console_url}/welcome/{secret}", as_json=as_json)


@admin.command("link")
@click.argument("name")
@json_option
@click.pass_obj
def link(context: CommandContext, name: str, as_json: bool) -> None:
    """Show a new one-time link to set a password.

    For an account without a password, or whose password is forgotten. Earlier links of the account
    become invalid.
    """
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
    """Set a password, read from standard input.

    Signs the account out everywhere.
    """
    with open_database(load_settings(context)) as connection:
        person = find_person(connection, name)
        if sys.stdin.isatty():
            secret = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        else:
            secret = sys.stdin.readline(_PASSWORD_CHARACTERS_READ).rstrip("\r\n")
        person = set_password(connection, terminal_actor(), person, str(secret))
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("email")
@click.argument("name")
@click.argument("address")
@json_option
@click.pass_obj
def email_(context: CommandContext, name: str, address: str, as_json: bool) -> None:
    """Set the address of an account at the identity provider.

    Whoever signs in there with this verified address gets the account. "" removes it.
    """
    settings = load_settings(context)
    with open_database(settings) as connection:
        person, passwords = find_person(connection, name), settings.takes_passwords
        person = set_email(connection, terminal_actor(), person, address, passwords=passwords)
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("reset-second-factor")
@click.argument("name")
@json_option
@click.pass_obj
def reset_second_factor(context: CommandContext, name: str, as_json: bool) -> None:
    """Remove the second step of an account.

    For somebody who has lost their authenticator and their recovery codes.
    """
    with open_database(load_settings(context)) as connection:
        remove_factor(connection, terminal_actor(), find_person(connection, name))
        person = find_person(connection, name)
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List the accounts."""
    with open_database(load_settings(context)) as connection:
        people = list_people(connection)
    show(
        {"people": people},
        _table(people) if people else "No accounts yet. See `waybill admin create --help`.",
        as_json=as_json,
    )


@admin.command("deactivate")
@click.argument("name")
@json_option
@click.pass_obj
def deactivate(context: CommandContext, name: str, as_json: bool) -> None:
    """Disable an account.

    Signs it out everywhere; its owner can no longer sign in. The People page of the console can
    reactivate it. Alias: close.
    """
    settings = load_settings(context)
    with open_database(settings) as connection:
        person, passwords = find_person(connection, name), settings.takes_passwords
        person = deactivate_person(connection, terminal_actor(), person, passwords=passwords)
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([*map(str, Role)]))
@json_option
@click.pass_obj
def role_(context: CommandContext, name: str, role: str, as_json: bool) -> None:
    """Change the role of an account.

    A member reaches only the apps that `waybill admin grant` gives them.
    """
    settings = load_settings(context)
    with open_database(settings) as connection:
        person, passwords = find_person(connection, name), settings.takes_passwords
        person = set_role(connection, terminal_actor(), person, Role(role), passwords=passwords)
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("grant")
@click.argument("name")
@click.option("--app", required=True, help="Name or app token of the app.")
@click.option(
    "--role",
    type=click.Choice([*map(str, AppRole)]),
    default=str(AppRole.VIEWER),
    show_default=True,
    help="An editor changes the app, a viewer only reads.",
)
@json_option
@click.pass_obj
def grant(context: CommandContext, name: str, app: str, role: str, as_json: bool) -> None:
    """Give a member a role in an app."""
    with open_database(load_settings(context)) as connection:
        person, granted = find_person(connection, name), find_app(connection, app)
        person = grant_app(connection, terminal_actor(), person, granted, AppRole(role))
    show({"person": person}, _table([person]), as_json=as_json)


@admin.command("revoke")
@click.argument("name")
@click.option("--app", required=True, help="Name or app token of the app.")
@json_option
@click.pass_obj
def revoke(context: CommandContext, name: str, app: str, as_json: bool) -> None:
    """Take a member's role in an app away, at once."""
    with open_database(load_settings(context)) as connection:
        person, revoked = find_person(connection, name), find_app(connection, app)
        person = revoke_app(connection, terminal_actor(), person, revoked)
    show({"person": person}, _table([person]), as_json=as_json)


def _show_link(person: Person, url: str, *, as_json: bool) -> None:
    sentence = "The link works once, within a day, and lets the owner choose a password."
    show({"person": person, "link": url}, url, sentence, as_json=as_json)


def _table(people: list[Person]) -> Table:
    return table(
        (
            "name",
            "e-mail",
            "role",
            "apps",
            "password",
            "second step",
            "created (UTC)",
            "deactivated (UTC)",
        ),
        (
            (
                person.name,
                person.email or "",
                person.role,
                ", ".join(f"{each.app} ({each.role})" for each in person.apps),
                "set" if person.has_password else "not set yet",
                "set up" if person.has_second_factor else "none",
                person.created_at,
                person.closed_at,
            )
            for person in people
        ),
    )
