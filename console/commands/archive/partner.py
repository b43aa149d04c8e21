"""`waybill partner`: list partners, rename, pause and restore them."""

import click

from console.apps.archive import Archivable
from console.apps.links import list_partners
from console.commands.archive.archive_commands import add_archive_commands
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database


@click.group()
def partner() -> None:
    """Manage partners, who are created with their first link.

    An archived partner is paused: its links redirect, and their clicks are not stored.
    """


@partner.command("list")
@json_option
@click.pass_obj
def list_(context: CommandContext, as_json: bool) -> None:
    """List the partners."""
    with open_database(load_settings(context)) as connection:
        partners = list_partners(connection)
    rows = (
        (each.name, "paused" if each.archived_at else "active", each.links, each.created_at)
        for each in partners
    )
    show(
        {"partners": partners},
        table(("partner", "status", "links", "created (UTC)"), rows),
        as_json=as_json,
    )


add_archive_commands(partner, Archivable.PARTNER)
