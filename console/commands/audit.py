"""`waybill audit`: the audit log."""

import click

from console.apps.apps import find_app
from console.audit import find_changes, read_change_filter
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database


@click.command()
@click.option("--app", help="Only changes of this app, by name or app token.")
@click.option("--actor", default="", help="Only changes by whose name contains this.")
@click.option("--action", default="", help="Only this action, or its first part, such as token.")
@click.option("--subject", default="", help="Only changes of what has this in its name.")
@click.option("--from", "first", default="", metavar="DAY", help="First day (UTC).")
@click.option("--to", "last", default="", metavar="DAY", help="Last day (UTC).")
@click.option("--before", default="", metavar="ID", help="Only entries older than this one.")
@count_option(20, "changes")
@json_option
@click.pass_obj
def audit(
    context: CommandContext, /, app: str | None, count: int, as_json: bool, **options: str
) -> None:
    """Show the audit log.

    Each entry has the actor, the time, the action and the values before and after.
    """
    values = {name: options[name] for name in ("actor", "action", "before")}
    values |= {"q": options["subject"], "from": options["first"], "to": options["last"]}
    with open_database(load_settings(context)) as connection:
        app_id = find_app(connection, app).id if app else None
        page = find_changes(connection, read_change_filter(values, app_id), count)
    rows = [
        (
            *(change.at, change.actor, change.app, change.action),
            *(change.subject, change.before, change.after),
        )
        for change in page.entries
    ]
    columns = ("time (UTC)", "actor", "app", "action", "subject", "before", "after")
    result = table(columns, rows) if rows else "No such changes."
    show({"changes": page.entries, "older": page.older}, result, as_json=as_json)
