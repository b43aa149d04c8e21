"""`waybill quarantine`: events that could not be stored."""

import click
from rich.console import RenderableType

from console.actor import terminal_actor
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import show, table
from console.commands.terminal.trace_view import event_view, quarantine_view
from console.connections import CommandContext, load_settings, open_database, open_resources
from console.cursor import Cursor
from console.lookup.trace import parse_receipt
from console.pipeline.quarantine import (
    list_quarantine,
    older_entries,
    pending_receipts,
    read_quarantined_batch,
    replay,
)
from shared.errors import OperatorError


@click.group()
def quarantine() -> None:
    """Inspect and replay events that could not be stored."""


@quarantine.command("list")
@count_option(100, "entries")
@click.option("--before", help="Go on behind the last entry of a list, by the text under it.")
@json_option
@click.pass_obj
def list_(context: CommandContext, count: int, before: str | None, as_json: bool) -> None:
    """List the entries of the quarantine, replayed ones too."""
    with open_database(load_settings(context)) as connection:
        entries = list_quarantine(connection, count, Cursor.read(before))
    older = older_entries(entries, count)
    rows = [
        (
            *(entry.receipt, entry.app, entry.reason, entry.detail),
            *(entry.event_count, entry.quarantined_at, entry.replayed_at),
        )
        for entry in entries
    ]
    columns = ("receipt ID", "app", "reason", "detail", "events", "since (UTC)", "replayed (UTC)")
    result = table(columns, rows) if rows else "The quarantine is empty."
    parts = [result, *([f"More: --before {older}"] if older else [])]
    show({"quarantine": entries, "older": older and str(older)}, *parts, as_json=as_json)


@quarantine.command("show")
@click.argument("receipt")
@json_option
@click.pass_obj
def show_(context: CommandContext, receipt: str, as_json: bool) -> None:
    """Show one entry with its events.

    RECEIPT is the receipt ID of the entry.
    """
    receipt_id = parse_receipt(receipt)
    with open_database(load_settings(context)) as connection:
        batch = read_quarantined_batch(connection, receipt_id)
    parts: list[RenderableType] = [quarantine_view(batch.entry)]
    if batch.events is None:
        parts.append(f"{len(batch.raw)} bytes that this version cannot read; --json shows them.")
    else:
        parts.extend(event_view(event) for event in batch.events)
    show(batch, *parts, as_json=as_json)


@quarantine.command("replay")
@click.argument("receipts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Replay all pending entries.")
@json_option
@click.pass_obj
def replay_(
    context: CommandContext, receipts: tuple[str, ...], everything: bool, as_json: bool
) -> None:
    """Put entries back into the inbox, to be stored again.

    RECEIPTS are the receipt IDs of the entries.
    """
    if bool(receipts) == everything:
        raise OperatorError("Specify the receipt IDs to replay, or --all.")
    receipt_ids = [parse_receipt(receipt) for receipt in receipts]
    with open_resources(load_settings(context)) as resources:
        if everything:
            receipt_ids = pending_receipts(resources.connection)
        replay(resources, terminal_actor(), receipt_ids)
    sentence = f"Entries put back into the inbox: {len(receipt_ids)}."
    show({"replayed": receipt_ids}, sentence, as_json=as_json)
