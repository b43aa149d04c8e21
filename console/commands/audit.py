"""`waybill audit`: the audit log, its export and its verification."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from console.apps.apps import find_app
from console.audit import ChangeFilter, find_changes, read_change_filter
from console.audit_chain import read_head, verify_chain
from console.audit_export import AuditFormat, export_audit_log
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database
from shared.database import Connection
from shared.errors import OperatorError

Command = TypeVar("Command", bound=Callable[..., Any])

_FILTER = (
    click.option("--app", help="Only changes of this app, by name or app token."),
    click.option("--actor", default="", help="Only changes by whose name contains this."),
    click.option(
        "--action", default="", help="Only this action, or its first part, such as token."
    ),
    click.option("--subject", default="", help="Only changes of what has this in its name."),
    click.option("--from", "first", default="", metavar="DAY", help="First day (UTC)."),
    click.option("--to", "last", default="", metavar="DAY", help="Last day (UTC)."),
    click.option("--before", default="", metavar="ID", help="Only entries older than this one."),
)


def filter_options(command: Command) -> Command:
    """Adds the options that choose entries, which `_read_filter` reads."""
    for option in reversed(_FILTER):
        command = option(command)
    return command


def _read_filter(connection: Connection, options: dict[str, str | None]) -> ChangeFilter:
    app = options["app"]
    given = {name: text or "" for name, text in options.items()}
    values = {name: given[name] for name in ("actor", "action", "before")}
    values |= {"q": given["subject"], "from": given["first"], "to": given["last"]}
    return read_change_filter(values, find_app(connection, app).id if app else None)


@click.group(invoke_without_command=True)
@filter_options
@count_option(20, "changes")
@json_option
@click.pass_context
def audit(context: click.Context, /, count: int, as_json: bool, **options: str | None) -> None:
    """Show the audit log.

    Each entry has the actor, the time, the action and the values before and after.
    """
    if context.invoked_subcommand is not None:
        return
    with open_database(load_settings(context.obj)) as connection:
        page = find_changes(connection, _read_filter(connection, options), count)
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


@audit.command("export")
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice([*map(str, AuditFormat)]),
    default=str(AuditFormat.JSON_LINES),
    show_default=True,
    help="One JSON object per line, or CSV for a spreadsheet.",
)
@json_option
@click.pass_obj
def export(context: CommandContext, /, form: str, as_json: bool, **options: str | None) -> None:
    """Write all entries, newest first, to standard output."""
    settings = load_settings(context)
    wanted_form = AuditFormat.JSON_LINES if as_json else AuditFormat(form)
    with open_database(settings) as connection:
        wanted = _read_filter(connection, options)
    for part in export_audit_log(lambda: open_database(settings), wanted, wanted_form):
        sys.stdout.write(part.decode())


@audit.command("verify")
@click.option(
    "--head", help="A head that an earlier verification has shown: it must still be in the log."
)
@json_option
@click.pass_obj
def verify(context: CommandContext, head: str | None, as_json: bool) -> None:
    """Verify that no entry was changed, removed or slipped in.

    Names the first entry that does not fit. Keep the head that it shows elsewhere, and give it to
    the next verification.
    """
    with open_database(load_settings(context)) as connection:
        report = verify_chain(connection, read_head(head) if head else None)
    if report.fault is not None:
        entry = f" ({report.fault.action}, id {report.fault.id})" if report.fault.id else ""
        raise OperatorError(
            f"The audit log is not what was written: entry {report.fault.position}{entry} "
            f"{report.fault.reason}."
        )
    shown = pairs(
        [
            ("entries verified", report.entries),
            ("deleted as expired", f"{report.anchor}, last on {report.deleted_at:%Y-%m-%d} (UTC)")
            if report.deleted_at
            else ("deleted as expired", 0),
            ("head, to be kept elsewhere", report.head),
        ]
    )
    show({"chain": report}, shown, as_json=as_json)
