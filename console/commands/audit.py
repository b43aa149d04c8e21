"""`waybill audit`"""

import click
from rich.table import Table

from console.apps.apps import find_app
from console.audit import AuditEntry, list_changes
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database


@click.command()
@click.option("--app", help="Of this app alone: its name or app token.")
@count_option(20, "changes")
@json_option
@click.pass_obj
def audit(context: CommandContext, app: str | None, count: int, as_json: bool) -> None:
    """Show who changed what, when, and what stood before and after."""
    with open_database(load_settings(context)) as connection:
        app_id = find_app(connection, app).id if app else None
        changes = list_changes(connection, app_id, count)
    people = _table(changes) if changes else "Nothing was changed yet."
    show({"changes": changes}, people, as_json=as_json)


def _table(changes: list[AuditEntry]) -> Table:
    return table(
        ("at (UTC)", "who", "app", "what", "which", "before", "after"),
        (
            (
                change.at,
                change.actor,
                change.app,
                change.action,
                change.subject,
                change.before,
                change.after,
            )
            for change in changes
        ),
    )
