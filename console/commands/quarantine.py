"""`waybill quarantine`"""

import click
from rich.console import RenderableType
from rich.table import Table

from console.actor import terminal_actor
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.commands.terminal.trace_view import event_view, quarantine_view
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.lookup.trace import parse_receipt
from console.pipeline.quarantine import (
    QuarantinedBatch,
    QuarantineEntry,
    list_quarantine,
    pending_receipts,
    read_quarantined_batch,
    replay,
)
from shared.errors import OperatorError


@click.group()
def quarantine() -> None:
    """Events that could not be stored."""


@quarantine.command("list")
@count_option(100, "entries")
@json_option
@click.pass_obj
def list_(context: CommandContext, count: int, as_json: bool) -> None:
    """List what is in quarantine."""
    with open_database(load_settings(context)) as connection:
        entries = list_quarantine(connection, count)
    show(
        {"quarantine": entries},
        _table(entries) if entries else "The quarantine is empty.",
        as_json=as_json,
    )


@quarantine.command("show")
@click.argument("receipt")
@json_option
@click.pass_obj
def show_(context: CommandContext, receipt: str, as_json: bool) -> None:
    """Show one entry with its events."""
    wanted = parse_receipt(receipt)
    with open_database(load_settings(context)) as connection:
        batch = read_quarantined_batch(connection, wanted)
    show(batch, *_describe(batch), as_json=as_json)


@quarantine.command("replay")
@click.argument("receipts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything that is out.")
@json_option
@click.pass_obj
def replay_(
    context: CommandContext, receipts: tuple[str, ...], everything: bool, as_json: bool
) -> None:
    """Put entries back into the inbox, to be tried again."""
    if bool(receipts) == everything:
        raise OperatorError("Name the receipts to replay, or give --all.")
    wanted = [parse_receipt(receipt) for receipt in receipts]
    with open_resources(load_settings(context)) as resources:
        if everything:
            wanted = pending_receipts(resources.connection)
        replay(resources, terminal_actor(), wanted)
    show({"replayed": wanted}, f"{len(wanted)} put back into the inbox.", as_json=as_json)


def _describe(batch: QuarantinedBatch) -> list[RenderableType]:
    head = quarantine_view(batch.entry)
    if batch.events is None:
        return [head, f"{len(batch.raw)} bytes that this version cannot read; --json shows them."]
    return [head, *(event_view(event) for event in batch.events)]


def _table(entries: list[QuarantineEntry]) -> Table:
    return table(
        ("receipt", "app", "reason", "detail", "events", "since (UTC)", "replayed (UTC)"),
        (
            (
                entry.receipt,
                entry.app,
                entry.reason,
                entry.detail,
                entry.event_count,
                entry.quarantined_at,
                entry.replayed_at,
            )
            for entry in entries
        ),
    )
