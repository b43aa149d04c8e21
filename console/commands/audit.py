"""`waybill audit`: the audit log."""

import click

from console.apps.apps import find_app
from console.audit import list_changes
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database


@click.command()
@click.option("--app", help="Only changes of this app, by name or app token.")
@count_option(20, "changes")
@json_option
@click.pass_obj
def audit(context: CommandContext, app: str | None, count: int, as_json: bool) -> None:
    """Show the audit log: who changed what, and when.

    Each entry has the actor, the time, the action and the values before and after.
    """
    with open_database(load_settings(context)) as connection:
        app_id = find_app(connection, app).id if app else None
        changes = list_changes(connection, app_id, count)
    rows = [
        (
            *(change.at, change.actor, change.app, change.action),
            *(change.subject, change.before, change.after),
        )
        for change in changes
    ]
    columns = ("time (UTC)", "actor", "app", "action", "subject", "before", "after")
    result = table(columns, rows) if rows else "No changes yet."
    show({"changes": changes}, result, as_json=as_json)
