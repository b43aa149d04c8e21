"""`waybill privacy`: erase a person, export one, reset a test device."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.switches import read_switches
from console.commands.terminal.options import app_option, count_option, json_option
from console.commands.terminal.output import say, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.privacy.erasures import (
    ErasureAction,
    WantedErasure,
    allow_again,
    list_erasures,
    request_erasure,
)
from console.privacy.person_file import export_person
from console.privacy.preview import ErasurePreview, preview_erasure, read_ids
from console.privacy.retention import DAYS, change_retention, read_retention
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.privacy.identities import IdKind

Command = TypeVar("Command", bound=Callable[..., Any])

FINAL = "An erasure cannot be undone: what is erased is gone, and nothing more is stored."


def ids_options(command: Command) -> Command:
    """Adds the options that name a person, passed as `user`, `device`, `click_id`, `event`."""
    for name, variable, meaning in (
        ("event", "event", "Receipt ID of an event or a click of the person."),
        ("click", "click_id", "Click ID."),
        ("device", "device", "Device ID or adid."),
        ("user", "user", "User ID."),
    ):
        command = click.option(f"--{name}", variable, help=meaning)(command)
    return command


def _named(given: dict[str, str | None]) -> dict[IdKind, str | None]:
    return {
        IdKind.USER: given["user"],
        IdKind.DEVICE: given["device"],
        IdKind.CLICK: given["click_id"],
        IdKind.EVENT: given["event"],
    }


@click.group()
def privacy() -> None:
    """Erase people, export their data, reset test devices."""


@privacy.command("erase")
@app_option
@ids_options
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@click.pass_obj
def erase(
    context: CommandContext,
    /,
    app: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Erase a person for good.

    Shows what will go first. Reports stay as they are; nothing more of the person is stored. A
    worker does it within minutes: `waybill privacy list` shows its state.
    """
    with open_resources(load_settings(context)) as resources:
        owner, ids = find_app(resources.connection, app), read_ids(_named(given))
        preview = preview_erasure(resources, owner, ids)
        if dry_run:
            show({"preview": preview}, _preview_table(preview), as_json=as_json)
            return
        if as_json and not yes:
            raise OperatorError(f"{FINAL} Confirm with --yes.")
        if not yes:
            show({}, _preview_table(preview), as_json=False)
            say(FINAL)
            click.confirm("Erase?", abort=True, err=True)
        record = request_erasure(resources, terminal_actor(), owner, WantedErasure(ids), now_ms())
    document = {"erasure": record, "preview": preview}
    show(document, f"Request {record.id} was received.", as_json=as_json)


@privacy.command("reset")
@app_option
@ids_options
@json_option
@click.pass_obj
def reset(context: CommandContext, /, app: str, as_json: bool, **given: str | None) -> None:
    """Let a test device count as new.

    Its next event is an install again. What it did before stays stored; nothing is erased.
    """
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        wanted = WantedErasure(read_ids(_named(given)), ErasureAction.RESET)
        record = request_erasure(resources, terminal_actor(), owner, wanted, now_ms())
    show({"erasure": record}, f"Request {record.id} was received.", as_json=as_json)


@privacy.command("export")
@app_option
@ids_options
@json_option
@click.pass_obj
def export(context: CommandContext, /, app: str, as_json: bool, **given: str | None) -> None:
    """Print everything that is stored about a person, as one JSON document."""
    _ = as_json  # the file is JSON in any case
    with open_resources(load_settings(context)) as resources:
        owner, ids = find_app(resources.connection, app), read_ids(_named(given))
        show(export_person(resources, terminal_actor(), owner, ids), as_json=True)


@privacy.command("allow")
@app_option
@ids_options
@json_option
@click.pass_obj
def allow(context: CommandContext, /, app: str, as_json: bool, **given: str | None) -> None:
    """Store the data of an erased person again.

    For somebody who has returned and consented. What was erased stays erased.
    """
    with open_resources(load_settings(context)) as resources:
        owner, ids = find_app(resources.connection, app), read_ids(_named(given))
        lifted = allow_again(resources, terminal_actor(), owner, ids)
    show({"lifted": lifted}, f"{lifted} IDs are stored again.", as_json=as_json)


def _days_options(command: Command) -> Command:
    for name, (smallest, largest, label) in reversed(DAYS.items()):
        option = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=int,
            help=f"{label}: {smallest} to {largest} days, 0 to keep them for good.",
        )
        command = option(command)
    return command


@privacy.command("retention")
@app_option
@_days_options
@json_option
@click.pass_obj
def retention(context: CommandContext, /, app: str, as_json: bool, **given: int | None) -> None:
    """Show or change for how many days an app keeps what.

    Without options it only shows. What has expired is deleted for good; reports and attributions
    about it stay as they are.
    """
    wanted = {name: days or None for name, days in given.items() if days is not None}
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        kept = read_retention(connection, owner)
        if wanted:
            kept = change_retention(connection, terminal_actor(), owner, wanted)
        is_truncated = read_switches(connection, owner)["truncate_addresses"]
    rows = [(DAYS[name][2], days or "for good") for name, days in asdict(kept).items()]
    document = {"retention": kept, "truncate_addresses": is_truncated}
    stored = "truncated" if is_truncated else "as they were sent"
    note = f"IP addresses are stored {stored}: waybill app set --truncate-addresses changes it."
    show(document, table(("what", "days"), rows), note, as_json=as_json)


@privacy.command("list")
@app_option
@count_option(100, "requests")
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, count: int, as_json: bool) -> None:
    """List the requests of an app and their state. None of them names anybody."""
    with open_database(load_settings(context)) as connection:
        records = list_erasures(connection, find_app(connection, app), count)
    rows = [
        (record.id, record.action, record.source, record.state, record.requested_at, record.done_at)
        for record in records
    ]
    columns = ("request", "action", "asked by", "state", "requested (UTC)", "done (UTC)")
    result = table(columns, rows) if rows else "There are no requests."
    show({"erasures": records}, result, as_json=as_json)


def _preview_table(preview: ErasurePreview) -> Any:
    rows = [*preview.counts.items(), ("further IDs", preview.other_ids)]
    return table(("what will go", "number"), rows)
