"""`waybill event-type`: event types and unmapped event IDs."""

from typing import Any

import click
from rich.table import Table

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.event_types import (
    EventType,
    NewEventType,
    create_event_type,
    find_event_type,
    list_event_types,
    set_multiple_postbacks,
)
from console.apps.unmapped_events import list_unmapped
from console.commands.terminal.options import (
    app_option,
    count_option,
    environment_option,
    json_option,
)
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database, open_resources


@click.group("event-type")
def event_type() -> None:
    """Manage event types, which an app's backend reports."""


@event_type.command("create")
@app_option
@click.option("--mapping-id", required=True, help="Value that senders put into event_id.")
@click.option("--name", required=True, help="Display name.")
@click.option("--event-token", help="Event token to keep from Adjust; by default generated.")
@click.option(
    "--unique", is_flag=True, help="Count it once per user; repeats are stored, but not counted."
)
@click.option(
    "--multiple-postbacks",
    is_flag=True,
    help="Make every event a conversion for the partner, not only the first per click.",
)
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create an event type.

    Earlier events with its mapping ID are assigned to it (backfilled).
    """
    new = NewEventType(**options)
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        created = create_event_type(resources, terminal_actor(), owner, new)
    show({"event_type": created}, _table([created]), as_json=as_json)


@event_type.command("set")
@app_option
@click.option("--mapping-id", required=True, help="Mapping ID of the event type to change.")
@click.option(
    "--multiple-postbacks/--no-multiple-postbacks",
    required=True,
    help="Whether every event is a conversion for the partner, or only the first per click.",
)
@json_option
@click.pass_obj
def set_(
    context: CommandContext, app: str, mapping_id: str, multiple_postbacks: bool, as_json: bool
) -> None:
    """Turn multiple postbacks of an event type on or off."""
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        changed = set_multiple_postbacks(
            connection,
            terminal_actor(),
            owner,
            find_event_type(connection, owner, mapping_id),
            multiple_postbacks,
        )
    show({"event_type": changed}, _table([changed]), as_json=as_json)


@event_type.command("list")
@app_option
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, as_json: bool) -> None:
    """List the event types of an app."""
    with open_database(load_settings(context)) as connection:
        event_types = list_event_types(connection, find_app(connection, app))
    show(
        {"event_types": event_types},
        _table(event_types) if event_types else "The app has no event types yet.",
        as_json=as_json,
    )


@event_type.command("unmapped")
@app_option
@environment_option
@count_option(100, "event IDs")
@json_option
@click.pass_obj
def unmapped(
    context: CommandContext, app: str, environment: str, count: int, as_json: bool
) -> None:
    """List received event IDs that no event type maps."""
    with open_database(load_settings(context)) as connection:
        event_ids = list_unmapped(connection, find_app(connection, app), environment, count)
    rows = [
        (event_id.event_id, event_id.events, event_id.first_time, event_id.last_time)
        for event_id in event_ids
    ]
    columns = ("event ID", "events", "first (UTC)", "last (UTC)")
    result = table(columns, rows) if rows else "Every received event has an event type."
    show({"unmapped": event_ids}, result, as_json=as_json)


def _table(event_types: list[EventType]) -> Table:
    columns = ("mapping ID", "event type", "event token", "unique")
    return table(
        (*columns, "multiple postbacks", "created (UTC)"),
        (
            (
                event_type.mapping_id,
                event_type.name,
                event_type.event_token,
                event_type.unique,
                event_type.multiple_postbacks,
                event_type.created_at,
            )
            for event_type in event_types
        ),
    )
