"""`waybill link`: the tracking links of partners."""

from dataclasses import asdict
from typing import Any

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.links import (
    NewLink,
    conversion_url,
    create_link,
    find_link,
    list_links,
    set_view_through,
    tracking_url,
)
from console.apps.postback_names import set_postback_names
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from deploy.addresses import find_addresses
from deploy.listen import Listen

_PLACEHOLDER = "https://YOUR-HOST"  # where ingest runs on its own, only its operator knows
_CLICK_PARAMETERS = (
    "Partners append what they know about a click: pub_click_id, pub_sub_id, gaid, idfa and "
    "others. Ingest accepts the link within a second."
)


@click.group()
def link() -> None:
    """Manage tracking links, which attribute users to partners."""


@link.command("create")
@app_option
@click.option("--partner", required=True, help="Name of the partner; a new name is created.")
@click.option("--name", required=True, help="Display name of the link.")
@click.option(
    "--destination", required=True, help="Address that the link redirects to; can have macros."
)
@click.option("--offer-id", help="Offer ID to keep from another system; by default a free number.")
@click.option(
    "--pub-id",
    help="The partner's ID in another system; by default its existing one, or a free number.",
)
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **options: Any) -> None:
    """Create a link and show its tracking URL."""
    new = NewLink(**options)
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        created = create_link(resources, terminal_actor(), owner, new)
    url = tracking_url(_ingest_url(context), created)
    show({"link": created, "tracking_url": url}, url, _CLICK_PARAMETERS, as_json=as_json)


@link.command("postback-names")
@app_option
@click.option("--link", "name", required=True, help="Name of the link.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="FIELD=NAME",
    help="The network's name for a field; once for each. Without any, all have the usual names. "
    "Fields: click_id, amount, currency, status, transaction_id, event_id.",
)
@json_option
@click.pass_obj
def postback_names(
    context: CommandContext, app: str, name: str, names: tuple[str, ...], as_json: bool
) -> None:
    """Set the names of fields in the postbacks of a link's network."""
    given = dict(each.partition("=")[::2] for each in names)
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        links = list_links(resources.connection, owner)
        link_id = next((each.id for each in links if each.name == name), 0)
        changed = set_postback_names(resources, terminal_actor(), owner, link_id, given)
    url = conversion_url(_ingest_url(context), changed)
    note = "Append the network's macros, and a token in the place of TOKEN."
    show({"link": changed, "conversion_url": url}, url, note, as_json=as_json)


@link.command("set")
@app_option
@click.argument("name")
@click.option(
    "--view-through/--no-view-through",
    "wanted",
    required=True,
    help="Whether its impressions may be credited with users.",
)
@json_option
@click.pass_obj
def set_(context: CommandContext, app: str, name: str, wanted: bool, as_json: bool) -> None:
    """Change the settings of a link; decisions from now on follow them."""
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        found = find_link(connection, owner, name)
        changed = set_view_through(connection, terminal_actor(), owner, found, wanted)
    state = "may be credited" if wanted else "are credited with nobody"
    show({"link": changed}, f"Impressions of {name} {state}.", as_json=as_json)


@link.command("list")
@click.option("--app", help="Only links of this app, by name or app token.")
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str | None, as_json: bool) -> None:
    """List the links with their tracking URLs."""
    with open_database(load_settings(context)) as connection:
        links = list_links(connection, find_app(connection, app) if app else None)
    base = _ingest_url(context)
    urls = [tracking_url(base, link) for link in links]
    document = [
        {**asdict(link), "tracking_url": url} for link, url in zip(links, urls, strict=True)
    ]
    rows = [
        (link.name, link.app, link.partner, url, link.destination, link.created_at)
        for link, url in zip(links, urls, strict=True)
    ]
    columns = ("link", "app", "partner", "tracking URL", "destination", "created (UTC)")
    result = (
        table(columns, rows) if rows else "No links yet. Create one with `waybill link create`."
    )
    show({"links": document}, result, as_json=as_json)


def _ingest_url(context: CommandContext) -> str:
    running = find_addresses(context.data)
    if running is None or running.listen is None:
        return _PLACEHOLDER
    return Listen.parse(running.listen).url
