"""`waybill events` and `waybill users`: what arrived last, and from whom."""

import click

from console.apps.apps import find_app
from console.browse.event_filter import EventStatus, read_filter
from console.browse.event_list import PAGE_EVENTS, list_events
from console.browse.recent_users import PAGE_USERS, list_recent_users
from console.commands.terminal.options import (
    app_option,
    count_option,
    environment_option,
    json_option,
)
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.cursor import Cursor
from console.exchange.stored_rates import load_rates
from console.reports.bounds import moment_of
from shared.clock import now_ms

_before_option = click.option("--before", help="The value that the page before gave, to go on.")


@click.command("events")
@app_option
@environment_option
@click.option("--event", help="Event type, by its name in reports.")
@click.option("--partner", help="Partner or source, by its name in reports.")
@click.option("--link", help="Link, by its name.")
@click.option(
    "--status",
    type=click.Choice([*EventStatus], case_sensitive=False),
    help="What became of the event.",
)
@click.option("--country", help="Country code.")
@click.option("--user", help="User ID.")
@click.option("--token", help="Name of the token that it was sent with.")
@click.option("--contains", "q", help="Text in any of its values, such as an order number.")
@click.option("--from", "from", help="Day or time of the oldest event, in the app's time zone.")
@click.option("--to", "to", help="Day or time of the newest event, in the app's time zone.")
@count_option(PAGE_EVENTS, "events")
@_before_option
@json_option
@click.pass_obj
def events(
    context: CommandContext,
    /,
    app: str,
    environment: str,
    count: int,
    before: str | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """List an app's events, newest first.

    Rare events are looked for in the latest ones; `after` goes on where this page ended.
    """
    values = {name: text or "" for name, text in filters.items()}
    with open_database(load_settings(context)) as connection:
        shown = find_app(connection, app)
        wanted = read_filter(connection, shown, environment, values, now_ms())
        cursor = Cursor.read(before)
        page = list_events(connection, shown, wanted, cursor, count)
    rows = table(
        ("time (UTC)", "event", "user", "source", "country", "amount", "status", "receipt ID"),
        (
            (
                event.event_time,
                event.event,
                event.user_id,
                event.source or "",
                event.country,
                "" if event.amount is None else f"{event.amount:f} {event.currency or ''}",
                event.status,
                event.receipt,
            )
            for event in page.events
        ),
    )
    notes = [f"There is more: --before {page.after}"] if page.after else []
    show(page, rows, *notes, as_json=as_json)


@click.command("users")
@app_option
@environment_option
@count_option(PAGE_USERS, "users")
@_before_option
@json_option
@click.pass_obj
def users(
    context: CommandContext,
    app: str,
    environment: str,
    count: int,
    before: str | None,
    as_json: bool,
) -> None:
    """List the users seen last, with source, country and revenue."""
    with open_database(load_settings(context)) as connection:
        load_rates(connection)
        shown = find_app(connection, app)
        cursor = Cursor.read(before)
        now = moment_of(now_ms())
        page = list_recent_users(connection, shown, environment, now, cursor, count)
    rows = table(
        (
            "user",
            "source",
            "country",
            "last event",
            "last seen (UTC)",
            f"revenue ({page.currency})",
        ),
        (
            (
                user.user_id,
                user.source or "",
                user.country,
                user.last_event,
                user.last_time,
                f"{user.revenue:.2f}",
            )
            for user in page.users
        ),
    )
    notes = [f"There are more: --before {page.after}"] if page.after else []
    show(page, rows, *notes, as_json=as_json)
