"""`waybill alert`: where people hear what is wrong with an app, and the log of alerts."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import click

from console.actor import terminal_actor
from console.alerts.alert_log import list_alerts
from console.alerts.destinations import (
    AlertDestination,
    AlertForm,
    create_destination,
    delete_destination,
    edit_destination,
    find_destination,
    list_destinations,
    pause_destination,
    resume_destination,
    secret_of_destination,
)
from console.alerts.trial import send_alert_test
from console.apps.apps import App, find_app
from console.commands.delivery.steps import given_options, show_test, step_maker, with_options
from console.commands.terminal.options import app_option, count_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.resources import Resources
from shared.alerts.kinds import AlertChannel, AlertKind
from shared.clock import now_ms


@click.group()
def alert() -> None:
    """Manage alerts, which tell people what is wrong with an app."""


def _destination_options(*, is_new: bool) -> Callable[[Any], Any]:
    """Returns a decorator that adds the options which describe a destination."""
    channels, kinds = click.Choice([*map(str, AlertChannel)]), click.Choice([*map(str, AlertKind)])
    return with_options(
        (
            click.option("--name", required=is_new, help="Display name of the destination."),
            click.option("--channel", type=channels, required=is_new, help="How alerts go there."),
            click.option("--target", required=is_new, help="A URL, or an address of mail."),
            click.option(
                "--kind",
                "kinds",
                type=kinds,
                multiple=True,
                help="Only this alert. May be given several times; by default all.",
            ),
            click.option("--silence-minutes", type=int, help="Minutes without events, 5 to 1440."),
        )
    )


@alert.command("create")
@app_option
@_destination_options(is_new=True)
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create a destination and show the secret that signs its requests."""
    form = AlertForm(**given_options(options, channel=AlertChannel, kinds=AlertKind))
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        made = create_destination(resources, terminal_actor(), owner, form)
        secret = secret_of_destination(resources, made)
    facts = {"destination": made.name, "signing secret": secret}
    show({"destination": made, "secret": secret}, pairs(facts.items()), as_json=as_json)


@alert.command("edit")
@app_option
@click.argument("destination")
@_destination_options(is_new=False)
@json_option
@click.pass_obj
def edit(
    context: CommandContext, /, app: str, destination: str, *, as_json: bool, **options: Any
) -> None:
    """Change the named values of a destination."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        known = find_destination(resources.connection, owner, destination)
        values = {field.name: getattr(known, field.name) for field in fields(AlertForm)}
        form = AlertForm(
            **{**values, **given_options(options, channel=AlertChannel, kinds=AlertKind)}
        )
        changed = edit_destination(resources, terminal_actor(), owner, known, form)
    show({"destination": changed}, f"{changed.name} has been changed.", as_json=as_json)


@alert.command("list")
@click.option("--app", help="Only destinations of this app, by name or app token.")
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str | None, as_json: bool) -> None:
    """List where alerts go, and of what."""
    with open_database(load_settings(context)) as connection:
        found = list_destinations(connection, find_app(connection, app) if app else None)
    rows = [
        (each.id, each.name, each.app, each.channel, each.shown_target, ", ".join(each.kinds),
         each.state)
        for each in found
    ]  # fmt: skip
    columns = ("number", "destination", "app", "channel", "target", "alerts", "state")
    empty = "No alert destinations yet. Create one: `waybill alert create`."
    document = {"destinations": [{**asdict(each), "state": each.state} for each in found]}
    show(document, table(columns, rows) if rows else empty, as_json=as_json)


_step = step_maker(alert, "destination", find_destination)


@_step("pause", "Send no more alerts there until it is resumed.")
def pause(resources: Resources, app: App, known: AlertDestination) -> str:
    return f"{pause_destination(resources, terminal_actor(), app, known).name} is paused."


@_step("resume", "Send alerts there again.")
def resume(resources: Resources, app: App, known: AlertDestination) -> str:
    return f"{resume_destination(resources, terminal_actor(), app, known).name} is active again."


@_step("delete", "Delete a destination; the log of what it was told stays.")
def delete(resources: Resources, app: App, known: AlertDestination) -> str:
    delete_destination(resources, terminal_actor(), app, known)
    return f"{known.name} has been deleted."


@alert.command("test")
@app_option
@click.argument("destination")
@click.option("--kind", type=click.Choice([*map(str, AlertKind)]), default="silence", help="Which.")
@json_option
@click.pass_obj
def test(context: CommandContext, app: str, destination: str, kind: str, as_json: bool) -> None:
    """Send the message of one alert now, and show what came back."""
    settings = load_settings(context)
    with open_resources(settings) as resources:
        owner = find_app(resources.connection, app)
        known = find_destination(resources.connection, owner, destination)
        result = send_alert_test(
            resources, terminal_actor(), settings, known, AlertKind(kind), now_ms
        )
    sent = {"message": result.subject}
    show_test(result, sent, "The message was not accepted.", as_json=as_json)


@alert.command("log")
@app_option
@click.option("--open", "open_only", is_flag=True, help="Only alerts that are open.")
@count_option(50, "alerts")
@json_option
@click.pass_obj
def log(context: CommandContext, app: str, open_only: bool, count: int, as_json: bool) -> None:
    """Show alerts, those that are open first, with what became of their messages."""
    with open_database(load_settings(context)) as connection:
        found = list_alerts(connection, find_app(connection, app), count, open_only=open_only)
    rows = [
        (each.opened_at, each.resolved_at, each.title,
         ", ".join(f"{told.destination} {told.phase}: {told.state}" for told in each.messages))
        for each in found
    ]  # fmt: skip
    columns = ("since (UTC)", "over", "alert", "told")
    show({"alerts": found}, table(columns, rows) if rows else "No alerts.", as_json=as_json)
