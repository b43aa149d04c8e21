"""`waybill event-type`"""

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
    """Event types, which an app's backend may report."""


@event_type.command("create")
@app_option
@click.option("--mapping-id", required=True, help="What senders put into event_id.")
@click.option("--name", required=True, help="How people call it.")
@click.option("--event-token", help="Keep the one that Adjust gave; else one is made up.")
@click.option("--unique", is_flag=True, help="It counts once a user; repeats are kept uncounted.")
@click.option(
    "--multiple-postbacks",
    is_flag=True,
    help="Each is a conversion for the partner, not one a click.",
)
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **given: Any) -> None:
    """Make an event type."""
    new = NewEventType(**given)
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        made = create_event_type(resources, terminal_actor(), found, new)
    show({"event_type": made}, _table([made]), as_json=as_json)


@event_type.command("set")
@app_option
@click.option("--mapping-id", required=True, help="Of which event type.")
@click.option(
    "--multiple-postbacks/--no-multiple-postbacks",
    required=True,
    help="Whether each is a conversion for the partner, or the first for a click.",
)
@json_option
@click.pass_obj
def set_(
    context: CommandContext, app: str, mapping_id: str, multiple_postbacks: bool, as_json: bool
) -> None:
    """Switch multiple postbacks of an event type."""
    with open_database(load_settings(context)) as connection:
        found = find_app(connection, app)
        changed = set_multiple_postbacks(
            connection,
            terminal_actor(),
            found,
            find_event_type(connection, found, mapping_id),
            multiple_postbacks,
        )
    show({"event_type": changed}, _table([changed]), as_json=as_json)


@event_type.command("list")
@app_option
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, as_json: bool) -> None:
    """List an app's event types."""
    with open_database(load_settings(context)) as connection:
        event_types = list_event_types(connection, find_app(connection, app))
    show(
        {"event_types": event_types},
        _table(event_types) if event_types else "The app has no event type yet.",
        as_json=as_json,
    )


@event_type.command("unmapped")
@app_option
@environment_option
@count_option(100, "event ids")
@json_option
@click.pass_obj
def unmapped(
    context: CommandContext, app: str, environment: str, count: int, as_json: bool
) -> None:
    """List the event ids that arrived and that no event type has."""
    with open_database(load_settings(context)) as connection:
        found = list_unmapped(connection, find_app(connection, app), environment, count)
    rows = ((one.event_id, one.events, one.first_time, one.last_time) for one in found)
    show(
        {"unmapped": found},
        table(("event id", "events", "first (UTC)", "last (UTC)"), rows)
        if found
        else "Every event that arrived has an event type.",
        as_json=as_json,
    )


def _table(event_types: list[EventType]) -> Table:
    return table(
        (
            "mapping id",
            "event type",
            "event token",
            "unique",
            "multiple postbacks",
            "created (UTC)",
        ),
        (
            (
                made.mapping_id,
                made.name,
                made.event_token,
                made.unique,
                made.multiple_postbacks,
                made.created_at,
            )
            for made in event_types
        ),
    )
