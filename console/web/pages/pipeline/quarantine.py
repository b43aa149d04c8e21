"""The pages of the quarantine: list, edit and replay events that could not be stored."""

from console.cursor import Cursor
from console.event_records import present_values
from console.lookup.trace import parse_receipt
from console.pipeline.quarantine import (
    list_quarantine,
    older_entries,
    pending_receipts,
    read_quarantined_batch,
    replay,
)
from console.pipeline.quarantine_edit import edit_quarantined, editable_text
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

ENTRIES_SHOWN_MAX = 100
EVENTS_SHOWN_MAX = 20
RAW_BYTES_SHOWN_MAX = 512
_PATH = "/operations/quarantine"


def show_list(request: PageRequest) -> Answer:
    before = Cursor.read(request.query.get("before"))
    entries = list_quarantine(request.connection, ENTRIES_SHOWN_MAX, before)
    older = older_entries(entries, ENTRIES_SHOWN_MAX)
    return Page("quarantine.html", {"entries": entries, "older": older, "before": before})


def show(request: PageRequest, receipt: str) -> Answer:
    batch = read_quarantined_batch(request.connection, parse_receipt(receipt))
    values = {
        "entry": batch.entry,
        "events": [
            dict(present_values(event)) for event in (batch.events or [])[:EVENTS_SHOWN_MAX]
        ],
        "text": editable_text(batch),
        "raw": batch.raw[:RAW_BYTES_SHOWN_MAX].hex(" ") if batch.events is None else "",
        "raw_bytes": len(batch.raw),
    }
    return Page("quarantine_entry.html", values)


def edit(request: PageRequest, receipt: str) -> Answer:
    entry_receipt = parse_receipt(receipt)
    fields = edit_quarantined(
        request.connection, request.actor, entry_receipt, request.form.get("events")
    )
    flash = f"Changed: {', '.join(fields)}. Replay it now." if fields else "Nothing was changed."
    return Redirect(f"{_PATH}/{entry_receipt}", flash)


def replay_one(request: PageRequest, receipt: str) -> Answer:
    entry_receipt = parse_receipt(receipt)
    replay(request.resources, request.actor, [entry_receipt])
    return Redirect(f"/receipts/{entry_receipt}", "Put back into the inbox.")


def replay_all(request: PageRequest) -> Answer:
    receipts = pending_receipts(request.connection)
    replay(request.resources, request.actor, receipts)
    entries = "entry" if len(receipts) == 1 else "entries"
    return Redirect(_PATH, f"{len(receipts)} {entries} put back into the inbox.")
