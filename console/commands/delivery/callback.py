"""`waybill callback`: the endpoints that are told what happened, and the log of their callbacks."""

from dataclasses import asdict, fields
from typing import Any

import click

from console.actor import terminal_actor
from console.apps.apps import App, find_app
from console.commands.delivery.callback_trials import test, test_partner
from console.commands.delivery.steps import Shown, step_maker
from console.commands.terminal.options import MOMENT, app_option, count_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.cursor import Cursor
from console.delivery.delivery_filter import STATES, DeliveryFilter
from console.delivery.delivery_log import (
    count_deliveries,
    page_deliveries,
    replay_deliveries,
)
from console.delivery.endpoint_form import METHODS, EndpointForm
from console.delivery.endpoints import (
    EndpointRow,
    create_endpoint,
    delete_endpoint,
    edit_endpoint,
    find_endpoint,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
)
from console.resources import Resources
from shared.callbacks.activities import LEVELS, STATUSES, Activity, partner_activities
from shared.callbacks.masking import masked_url


def _endpoint_options(command: Any) -> Any:
    """Adds the options that describe an endpoint."""
    for option in reversed(
        (
            click.option("--level", type=click.Choice([*LEVELS]), help="What a partner is told."),
            click.option(
                "--status", type=click.Choice(STATUSES), help="Approved or rejected installs."
            ),
            click.option(
                "--activity",
                "activities",
                multiple=True,
                type=click.Choice([*map(str, Activity)]),
                help="What the app's own endpoint is told. May be given several times.",
            ),
            click.option("--method", type=click.Choice(METHODS), help="GET, or POST of JSON."),
            click.option("--url", help="URL with macros; by default the URL that a click carries."),
            click.option(
                "--host",
                "hosts",
                multiple=True,
                help="Host that URLs in clicks may lead to. May be given several times.",
            ),
            click.option("--event-type", help="Only this event type, by mapping ID."),
            click.option("--link", help="Only this link, by name."),
            click.option("--attributed-only/--organic-too", default=None, help="By source."),
            click.option("--revenue-only/--any-revenue", default=None, help="By revenue."),
            click.option("--payout-only/--any-payout", default=None, help="By price of link."),
            click.option("--sandbox/--no-sandbox", default=None, help="Sandbox events too."),
            click.option("--answer-contains", help="Text without which an answer is a failure."),
            click.option("--concurrency-max", type=int, help="Requests at once, 1 to 64."),
            click.option("--rate-max", type=int, help="Requests per second, at most."),
        )
    ):
        command = option(command)
    return command


@click.group()
def callback() -> None:
    """Manage callbacks, which tell partners of conversions."""


callback.add_command(test)
callback.add_command(test_partner)


@callback.command("create")
@app_option
@click.option("--partner", help="The partner it belongs to; by default it is the app's own.")
@click.option("--name", required=True, help="Display name of the endpoint.")
@_endpoint_options
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create an endpoint and show its signing secret."""
    form = EndpointForm(**_given(options))
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        created = create_endpoint(resources, terminal_actor(), owner, form)
    facts = {"endpoint": created.endpoint.name, "signing secret": created.secret}
    show(created, pairs(facts.items()), as_json=as_json)


@callback.command("list")
@click.option("--app", help="Only endpoints of this app, by name or app token.")
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str | None, as_json: bool) -> None:
    """List the endpoints, with their state and what waits for them."""
    with open_database(load_settings(context)) as connection:
        endpoints = list_endpoints(connection, find_app(connection, app) if app else None)
    rows = [
        (
            *(each.id, each.name, each.app, each.partner, ", ".join(each.activities)),
            *(each.method, masked_url(each.url) if each.url else "from the click"),
            *(each.state, each.waiting),
        )
        for each in endpoints
    ]
    columns = (
        *("number", "endpoint", "app", "partner", "told of"),
        *("method", "URL", "state", "waiting"),
    )
    shown = [{**asdict(each), "state": each.state} for each in endpoints]
    empty = "No callback endpoints yet. Create one: `waybill callback create`."
    show({"endpoints": shown}, table(columns, rows) if rows else empty, as_json=as_json)


@callback.command("edit")
@app_option
@click.argument("endpoint")
@click.option("--name", help="A new display name.")
@_endpoint_options
@json_option
@click.pass_obj
def edit(
    context: CommandContext, /, app: str, endpoint: str, *, as_json: bool, **options: Any
) -> None:
    """Change the named values of an endpoint."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        known = find_endpoint(resources.connection, owner, endpoint)
        values = {field.name: getattr(known, field.name) for field in fields(EndpointForm)}
        given = _given(options)
        if "level" in given and not partner_activities(given["level"], known.status):
            values["status"] = None  # that level has none
        form = EndpointForm(**{**values, **given})
        changed = edit_endpoint(resources, terminal_actor(), owner, known, form)
    show({"endpoint": changed}, f"{changed.name} has been changed.", as_json=as_json)


_step = step_maker(callback, "endpoint", find_endpoint)


@_step("pause", "Stop sending; what is due waits.")
def pause(resources: Resources, app: App, known: EndpointRow) -> Shown:
    changed = pause_endpoint(resources, terminal_actor(), app, known)
    return {"endpoint": changed}, f"{changed.name} is paused."


@_step("resume", "Send again after a pause, or after Waybill disabled the endpoint.")
def resume(resources: Resources, app: App, known: EndpointRow) -> Shown:
    changed = resume_endpoint(resources, terminal_actor(), app, known)
    return {"endpoint": changed}, f"{changed.name} is active again."


@_step("delete", "Delete an endpoint; the log of what it was told stays.")
def delete(resources: Resources, app: App, known: EndpointRow) -> Shown:
    delete_endpoint(resources, terminal_actor(), app, known)
    return {"endpoint": known}, f"{known.name} has been deleted."


@_step("rotate", "Replace the signing secret of an endpoint; for a day both sign.")
def rotate(resources: Resources, app: App, known: EndpointRow) -> Shown:
    rotated = rotate_secret(resources, terminal_actor(), app, known)
    return rotated, pairs([("signing secret", rotated.secret)])


def _filter_options(command: Any) -> Any:
    """Adds the options that choose callbacks."""
    for option in reversed(
        (
            click.option("--endpoint", help="Of this endpoint, by name or number."),
            click.option("--partner", help="Of this partner's endpoints."),
            click.option("--state", type=click.Choice(STATES), help="In this state."),
            click.option("--reason", help="Withheld or failed for this reason, such as imported."),
            click.option(
                "--activity", type=click.Choice([*map(str, Activity)]), help="Of this activity."
            ),
            click.option("--user-id", help="About this user."),
            click.option("--click-id", help="About users credited to this click."),
            click.option("--id", "callback_id", type=click.UUID, help="This callback alone."),
            click.option("--begin", type=MOMENT, help="Due from this time on, UTC."),
            click.option("--end", type=MOMENT, help="Due before this time, UTC."),
        )
    ):
        command = option(command)
    return command


@callback.command("log")
@app_option
@_filter_options
@count_option(50, "callbacks")
@click.option("--before", help="The value that the page before gave, to go on.")
@json_option
@click.pass_obj
def log(
    context: CommandContext,
    /,
    app: str,
    *,
    count: int,
    before: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what was told to whom, with each attempt."""
    cursor = Cursor.read(before)
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        wanted = _filter(connection, owner, options)
        page = page_deliveries(connection, owner, wanted, count, cursor)
        counts = count_deliveries(connection, owner, wanted)
    columns = (
        *("due (UTC)", "id", "endpoint", "told of", "user", "state", "reason"),
        *("attempts", "last request", "last outcome"),
    )
    rows = []
    for each in page.callbacks:
        last = each.tries[-1] if each.tries else None
        rows.append((
            *(each.created_at, each.id, each.endpoint, each.activity, each.user_id, each.state),
            *(each.reason, each.attempts, last and last.request, last and last.outcome),
        ))  # fmt: skip
    document = {"callbacks": page.callbacks, "after": page.after, "counts": counts}
    shown = table(columns, rows) if rows else "No callbacks match."
    notes = [f"There is more: --before {page.after}"] if page.after else []
    show(document, shown, *notes, as_json=as_json)


@callback.command("replay")
@app_option
@_filter_options
@json_option
@click.pass_obj
def replay(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Send callbacks again under the same ids: those that match, and were not delivered."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        wanted = _filter(resources.connection, owner, options)
        count = replay_deliveries(resources, terminal_actor(), owner, wanted)
    show({"replayed": count}, f"{count} callbacks are sent again.", as_json=as_json)


def _filter(connection: Any, app: Any, options: dict[str, Any]) -> DeliveryFilter:
    named = options.pop("endpoint")
    endpoint_id = find_endpoint(connection, app, named).id if named else None
    return DeliveryFilter(endpoint_id=endpoint_id, **options)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the options that were not given."""
    return {name: value for name, value in options.items() if value not in {None, ()}}
