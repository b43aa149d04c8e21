"""`waybill cost`: what partners cost, and what links are paid for."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.links import find_link
from console.commands.terminal.command_group import CommandGroup
from console.commands.terminal.options import DAY, app_option, json_option, period_options
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.reports.costs.cost_file import read_cost_file
from console.reports.costs.prices import NewPrice, PricedBy, list_prices, set_price
from console.reports.costs.uploads import list_costs, upload_costs
from console.reports.period import period_of
from shared.clock import now_ms
from shared.errors import OperatorError

FILE_BYTES_MAX = 4 * 1024 * 1024


@click.group(cls=CommandGroup)
def cost() -> None:
    """Upload and list costs, and set the prices of links."""


@cost.command("import")
@app_option
@click.argument("file", type=click.File("rb"))
@json_option
@click.pass_obj
def import_(context: CommandContext, app: str, file: BinaryIO, as_json: bool) -> None:
    """Store the costs of a CSV file.

    FILE has the columns day, partner, campaign, currency and amount; campaign may be missing, and
    - reads standard input. Each line replaces the cost of its day, partner and campaign; an amount
    of 0 removes it.
    """
    content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise OperatorError(f"The file is larger than {FILE_BYTES_MAX:,} bytes. Send it in parts.")
    costs = read_cost_file(content.decode("utf-8-sig", "replace"))
    with open_database(load_settings(context)) as connection:
        stored = upload_costs(connection, terminal_actor(), find_app(connection, app), costs)
    show({"stored": stored}, f"Stored {stored:,} costs.", as_json=as_json)


@cost.command("list")
@app_option
@period_options
@json_option
@click.pass_obj
def list_(context: CommandContext, /, app: str, *, as_json: bool, **days: Any) -> None:
    """List the uploaded costs of a period and the prices of links."""
    with open_database(load_settings(context)) as connection:
        shown_app = find_app(connection, app)
        today = shown_app.today(now_ms())
        period = period_of(days["first"], days["last"], today, days["preset"])
        costs = list_costs(connection, shown_app, period)
        prices = list_prices(connection, shown_app)
    zone = shown_app.time_zone
    rows = [(c.day, c.partner, c.campaign, f"{c.amount.normalize():f}", c.currency) for c in costs]
    priced = [
        (p.link, p.per, p.event, p.since, f"{p.amount.normalize():f}", p.currency) for p in prices
    ]
    show(
        {"costs": costs, "prices": prices},
        table((f"day ({zone})", "partner", "campaign", "cost", "currency"), rows)
        if rows
        else "No costs were uploaded for this period.",
        table(("link", "per", "event", f"from ({zone})", "price", "currency"), priced)
        if priced
        else "No link has a price.",
        as_json=as_json,
    )


@cost.command("price")
@app_option
@click.option("--link", "link_name", required=True, help="Name of the link.")
@click.option(
    "--per",
    type=click.Choice([*PricedBy], case_sensitive=False),
    required=True,
    help="What is paid for.",
)
@click.option("--event", default="", help="Name of the event type that is paid for.")
@click.option("--amount", required=True, help="The price of one; 0 ends a price.")
@click.option("--currency", required=True, help="ISO 4217 code, such as EUR.")
@click.option(
    "--from",
    "since",
    type=DAY,
    help="First day, in the app's time zone; by default today.",
)
@json_option
@click.pass_obj
def price(
    context: CommandContext,
    /,
    app: str,
    link_name: str,
    *,
    since: date | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Set what a click, impression, install or event of a link costs.

    The price is valid from a day on, until the next price of the same kind.
    """
    try:
        amount = Decimal(options["amount"])
    except InvalidOperation:
        raise OperatorError("--amount must be a number, such as 1.20.") from None
    per, currency, event = PricedBy(options["per"]), options["currency"], options["event"]
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        first: date = since or owner.today(now_ms())
        new = NewPrice(per, amount, currency, first, event)
        link = find_link(connection, owner, link_name)
        stored = set_price(connection, terminal_actor(), owner, link, new)
    paid_for = f"{stored.per} {stored.event}".strip()
    sentence = f"{link.name} costs {stored.amount:f} {stored.currency} per {paid_for} from {first}."
    show({"price": stored}, sentence, as_json=as_json)
