"""`waybill link`"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.links import Link, NewLink, create_link, list_links, tracking_url
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database, open_resources
from deploy.addresses import find_addresses
from deploy.listen import Listen

_ELSEWHERE = "https://YOUR-HOST"  # where ingest runs on its own, only its operator knows
_ADD = (
    "Partners add what they know of a click: pub_click_id, pub_sub_id, gaid, idfa and others. "
    "Ingest accepts it within a second."
)


@click.group()
def link() -> None:
    """Links, through which partners bring users."""


@link.command("create")
@app_option
@click.option("--partner", required=True, help="Who brings users. Made when it is new.")
@click.option("--name", required=True, help="How people call the link.")
@click.option("--destination", required=True, help="Where it leads: an address with macros.")
@click.option("--offer-id", help="Keep the one that it has elsewhere; else a free number.")
@click.option("--pub-id", help="The partner's, elsewhere; else its own from before, or a free one.")
@json_option
@click.pass_obj
def create(context: CommandContext, /, app: str, *, as_json: bool, **given: Any) -> None:
    """Make a link and show its tracking URL."""
    new = NewLink(**given)
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        made = create_link(resources, terminal_actor(), found, new)
    url = tracking_url(_base(context), made)
    show({"link": made, "tracking_url": url}, url, _ADD, as_json=as_json)


@link.command("list")
@click.option("--app", help="Of this app alone: its name or app token.")
@json_option
@click.pass_obj
def list_(context: CommandContext, app: str | None, as_json: bool) -> None:
    """List the links with their tracking URLs."""
    with open_database(load_settings(context)) as connection:
        links = list_links(connection, find_app(connection, app) if app else None)
    base = _base(context)
    show(
        {"links": [{**asdict(made), "tracking_url": tracking_url(base, made)} for made in links]},
        _table(base, links) if links else "There is no link yet. Make one: `waybill link create`.",
        as_json=as_json,
    )


def _base(context: CommandContext) -> str:
    running = find_addresses(context.data)
    if running is None or running.listen is None:
        return _ELSEWHERE
    return Listen.parse(running.listen).url


def _table(base: str, links: Iterable[Link]) -> Table:
    return table(
        ("link", "app", "partner", "tracking URL", "destination", "created (UTC)"),
        (
            (
                made.name,
                made.app,
                made.partner,
                tracking_url(base, made),
                made.destination,
                made.created_at,
            )
            for made in links
        ),
    )
