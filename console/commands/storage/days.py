"""`waybill days`: events of closed days, which are in Parquet files and not in PostgreSQL."""

from datetime import date

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import json_option
from console.commands.terminal.output import lines, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.pipeline.day_files import adopt_files, ask_back, ask_closing, verify_files
from shared.day_files.catalog import list_files
from shared.errors import OperatorError

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def days() -> None:
    """Keep events of days long ago in Parquet files.

    Workers move them there if WAYBILL_DAY_FILES and WAYBILL_CLOSE_AFTER_DAYS say so. Trace, export,
    reports and recalculation read them as before.
    """


@days.command("list")
@click.option("--app", "app_name", help="Only of this app.")
@json_option
@click.pass_obj
def list_(context: CommandContext, app_name: str | None, as_json: bool) -> None:
    """List the day files."""
    with open_database(load_settings(context)) as connection:
        app_id = find_app(connection, app_name).id if app_name else None
        files = list_files(connection, app_id)
    rows = [
        {
            "day": file.day,
            "app": file.app_id,
            "events": file.event_count,
            "bytes": file.size_bytes,
            "fault": file.fault,
            "file": file.name,
            "folder": file.folder,
            "sha256": file.sha256.hex(),
        }
        for file in files
    ]
    columns = ("day", "app", "events", "bytes", "fault", "file")
    show(rows, table(columns, [[row[name] for name in columns] for row in rows]), as_json=as_json)


@days.command()
@json_option
@click.pass_obj
def close(context: CommandContext, as_json: bool) -> None:
    """Have a worker move what is due into files now."""
    settings = load_settings(context)
    if not settings.day_files or not settings.close_after_days:
        raise OperatorError(
            "Nothing says where or when: set WAYBILL_DAY_FILES and WAYBILL_CLOSE_AFTER_DAYS, here "
            "and for the workers."
        )
    with open_resources(settings) as resources:
        ask_closing(resources, terminal_actor())
    show({"enqueued": "close_days"}, "A worker moves what is due.", as_json=as_json)


@days.command()
@click.option("--adopt", is_flag=True, help="Take newer versions of files that are missing.")
@json_option
@click.pass_obj
def verify(context: CommandContext, adopt: bool, as_json: bool) -> int:
    """Read all files through; the exit status is 1 if one is missing or damaged."""
    settings = load_settings(context)
    with open_database(settings) as connection:
        place = settings.day_files
        report = (
            adopt_files(connection, terminal_actor(), place)
            if adopt
            else verify_files(connection, place=place)
        )
    show(
        report,
        lines([
            f"{report.files:,} files with {report.events:,} events, {report.size_bytes:,} bytes.",
            *([f"Newer versions taken: {report.adopted}."] if report.adopted else []),
            *(f"{folder} is the folder of this database now." for folder in report.folders),
            *(f"{each.fault}: {each.name} in {each.folder}" for each in report.faulty),
            *(f"nobody knows: {each.path}" for each in report.unknown),
        ]),
        as_json=as_json,
    )  # fmt: skip
    return 1 if report.faulty else 0


@days.command()
@click.option("--app", "app_name", help="Only of this app.")
@click.option("--from", "first", type=_DAY, required=True, help="First day, of UTC.")
@click.option("--to", "last", type=_DAY, required=True, help="Last day.")
@json_option
@click.pass_obj
def restore(
    context: CommandContext, app_name: str | None, first: date, last: date, as_json: bool
) -> None:
    """Have a worker move events back into PostgreSQL.

    Set WAYBILL_CLOSE_AFTER_DAYS to 0 or more days first: otherwise they go into files again.
    """
    with open_resources(load_settings(context)) as resources:
        app_id = find_app(resources.connection, app_name).id if app_name else None
        count = ask_back(resources, terminal_actor(), app_id, first, last)
    show({"files": count}, f"A worker moves the events of {count} files back.", as_json=as_json)
