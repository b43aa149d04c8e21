"""`waybill schedule`: reports that are sent regularly, and what became of them."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import click

from console.accounts.people import find_person
from console.actor import terminal_actor
from console.apps.apps import App, find_app
from console.commands.delivery.steps import given_options, show_test, step_maker, with_options
from console.commands.terminal.options import app_option, count_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.exchange.stored_rates import load_rates
from console.reports.schedules.due_reports import list_deliveries
from console.reports.schedules.report_message import shown_schedule_secret
from console.reports.schedules.report_schedules import (
    create_schedule,
    delete_schedule,
    edit_schedule,
    find_schedule,
    list_schedules,
    pause_schedule,
    query_of_view,
    resume_schedule,
)
from console.reports.schedules.report_sending import send_report_test
from console.reports.schedules.schedule import ReportChannel, ReportSchedule, ScheduleForm
from console.reports.schedules.timing import Every
from console.resources import Resources
from shared.clock import now_ms
from shared.errors import BadValue


@click.group()
def schedule() -> None:
    """Send reports regularly, by mail or to a webhook."""


def _schedule_options(*, is_new: bool) -> Callable[[Any], Any]:
    """Returns a decorator that adds the options which describe a schedule."""
    channels, every = click.Choice([*map(str, ReportChannel)]), click.Choice([*map(str, Every)])
    return with_options(
        (
            click.option("--name", required=is_new, help="Display name of the schedule."),
            click.option(
                "--query", help="The report: the address of its page, or what follows '?'."
            ),
            click.option("--view", help="The report: a saved view, by its name, of --person."),
            click.option("--person", help="Whose saved view --view names."),
            click.option("--channel", type=channels, required=is_new, help="How it is sent."),
            click.option("--target", required=is_new, help="An address of mail, or a URL."),
            click.option("--every", type=every, help="How often; by default every day."),
            click.option("--on", type=int, help="Day of the week (1 for Monday), or of the month."),
            click.option("--hour", type=int, help="Hour in the time zone, 0 to 23; by default 8."),
            click.option(
                "--zone",
                help="Time zone of the hour, such as Europe/Berlin; by default or with "
                '"" the app\'s.',
            ),
        )
    )


@schedule.command("create")
@app_option
@_schedule_options(is_new=True)
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create a schedule and show the secret that signs its requests."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        given = _given(resources, owner, options)
        if "query" not in given:
            raise BadValue("query", "is needed, or --view with --person.")
        form = ScheduleForm(**given)
        made = create_schedule(resources, terminal_actor(), owner, form, now_ms)
        secret = shown_schedule_secret(resources, made)
    facts = {"schedule": made.name, "next (UTC)": made.next_at, "signing secret": secret}
    show({"schedule": made, "secret": secret}, pairs(facts.items()), as_json=as_json)


@schedule.command("edit")
@app_option
@click.argument("schedule_name", metavar="SCHEDULE")
@_schedule_options(is_new=False)
@json_option
@click.pass_obj
def edit(
    context: CommandContext, /, app: str, schedule_name: str, *, as_json: bool, **options: Any
) -> None:
    """Change the named values of a schedule."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        known = find_schedule(resources.connection, owner, schedule_name)
        values = {field.name: getattr(known, field.name) for field in fields(ScheduleForm)}
        if known.follows_app:
            values["zone"] = ""
        given = _given(resources, owner, options)
        if given.get("every", known.every) is Every.DAY:
            values["on"] = None
        form = ScheduleForm(**{**values, **given})
        changed = edit_schedule(resources, terminal_actor(), owner, known, form, now_ms)
    show({"schedule": changed}, f"{changed.name} has been changed.", as_json=as_json)


@schedule.command("list")
@app_option
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str, as_json: bool) -> None:
    """List the reports of an app that are sent."""
    with open_database(load_settings(context)) as connection:
        found = list_schedules(connection, find_app(connection, app))
    rows = [
        (each.id, each.name, each.when, each.channel, each.shown_target, each.next_at, each.state)
        for each in found
    ]
    columns = ("number", "report", "when", "channel", "to", "next (UTC)", "state")
    empty = "No report is sent yet. Create a schedule: `waybill schedule create`."
    document = {"schedules": [{**asdict(each), "state": each.state} for each in found]}
    show(document, table(columns, rows) if rows else empty, as_json=as_json)


_step = step_maker(schedule, "schedule", find_schedule)


@_step("pause", "Send no more reports, until it is resumed.")
def pause(resources: Resources, app: App, known: ReportSchedule) -> str:
    return f"{pause_schedule(resources, terminal_actor(), app, known).name} is paused."


@_step("resume", "Send reports again, from the next time on.")
def resume(resources: Resources, app: App, known: ReportSchedule) -> str:
    changed = resume_schedule(resources, terminal_actor(), app, known, now_ms)
    return f"{changed.name} is active again."


@_step("delete", "Delete a schedule; the log of what was sent stays.")
def delete(resources: Resources, app: App, known: ReportSchedule) -> str:
    delete_schedule(resources, terminal_actor(), app, known)
    return f"{known.name} has been deleted."


@schedule.command("test")
@app_option
@click.argument("schedule_name", metavar="SCHEDULE")
@json_option
@click.pass_obj
def test(context: CommandContext, app: str, schedule_name: str, as_json: bool) -> None:
    """Send the report now, and show what came back."""
    settings = load_settings(context)
    with open_resources(settings) as resources:
        owner = find_app(resources.connection, app)
        load_rates(resources.connection)
        known = find_schedule(resources.connection, owner, schedule_name)
        result = send_report_test(resources, terminal_actor(), settings, (owner, known), now_ms)
    sent = {"report": result.subject, "size (bytes)": result.size_bytes}
    show_test(result, sent, "The report was not accepted.", as_json=as_json)


@schedule.command("log")
@app_option
@click.argument("schedule_name", metavar="SCHEDULE")
@count_option(30, "deliveries")
@json_option
@click.pass_obj
def log(context: CommandContext, app: str, schedule_name: str, count: int, as_json: bool) -> None:
    """Show when a schedule was due, and what became of it."""
    with open_database(load_settings(context)) as connection:
        known = find_schedule(connection, find_app(connection, app), schedule_name)
        found = list_deliveries(connection, known, count)
    rows = [(each.due_at, each.state, each.outcome, each.status, each.attempts) for each in found]
    columns = ("due (UTC)", "state", "outcome", "status", "attempts")
    shown = table(columns, rows) if rows else "Nothing was due yet."
    show({"deliveries": found}, shown, as_json=as_json)


def _given(resources: Resources, app: App, options: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the options that were not given, and reads the query of a saved view."""
    given = given_options(options, channel=ReportChannel, every=Every)
    view, person = given.pop("view", None), given.pop("person", None)
    if view is not None:
        if person is None:
            raise BadValue("person", "is needed: views belong to people.")
        owner = find_person(resources.connection, person)
        given["query"] = query_of_view(resources.connection, owner, app, view)
    return given
