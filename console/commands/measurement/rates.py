"""`waybill rates`: the exchange rates that reports convert by."""

from typing import BinaryIO

import click

from console.actor import terminal_actor
from console.commands.terminal.command_group import CommandGroup
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.exchange.refresh import refresh_rates
from console.exchange.stored_rates import list_rate_sources, load_rates, replace_own_rates
from console.rate_files import FILE_BYTES_MAX
from console.rates import newest_rate_day, package_rate_day
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.partitions import day_of


@click.group(cls=CommandGroup)
def rates() -> None:
    """Show, refresh and import exchange rates."""


@rates.command("show")
@json_option
@click.pass_obj
def show_(context: CommandContext, as_json: bool) -> None:
    """Show how old the exchange rates are, and where they come from."""
    with open_database(load_settings(context)) as connection:
        load_rates(connection)
        sources = list_rate_sources(connection)
    age_days = (day_of(now_ms()) - newest_rate_day()).days
    document = {
        "newest_day": newest_rate_day(),
        "age_days": age_days,
        "package_day": package_rate_day(),
        "sources": sources,
    }
    rows: list[tuple[object, ...]] = [("package", "", None, 0, package_rate_day(), None)]
    rows += [
        (each.origin, each.location, each.read_at, each.rates, each.newest_day, each.fault)
        for each in sources
    ]
    columns = ("origin", "file", "read (UTC)", "rates", "newest day", "fault")
    sentence = f"The newest rates of the ECB are of {newest_rate_day()}, {age_days} days ago."
    show(document, table(columns, rows), sentence, as_json=as_json)


@rates.command("refresh")
@click.option("--from", "location", help="A path or an address; by default WAYBILL_EXCHANGE_RATES.")
@json_option
@click.pass_obj
def refresh(context: CommandContext, location: str | None, as_json: bool) -> None:
    """Read the ECB's file of exchange rates.

    It is eurofxref-hist.zip, or its CSV; rates that are newer than the package's are stored.
    """
    settings = load_settings(context)
    wanted = location or settings.exchange_rates
    if not wanted:
        raise OperatorError("Set WAYBILL_EXCHANGE_RATES, or name the file with --from.")
    with open_database(settings) as connection:
        stored = refresh_rates(connection, wanted)
    document = {"rates": stored, "newest_day": newest_rate_day()}
    sentence = f"Stored {stored:,} rates. The newest are of {newest_rate_day()}."
    show(document, sentence, as_json=as_json)


@rates.command("import")
@click.argument("file", type=click.File("rb"))
@json_option
@click.pass_obj
def import_(context: CommandContext, file: BinaryIO, as_json: bool) -> None:
    """Replace your own exchange rates with those of a CSV file.

    FILE has the columns day, currency and rate, the units of the currency for one euro; - reads
    standard input. Own rates come before the ECB's. A file with the heading alone removes them.
    """
    content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise OperatorError(f"The file is larger than {FILE_BYTES_MAX:,} bytes.")
    with open_database(load_settings(context)) as connection:
        count = replace_own_rates(connection, terminal_actor(), file.name, content)
    show({"rates": count}, f"Stored {count:,} rates of your own.", as_json=as_json)
