"""The quarantine: events that could not be stored, mended and put back."""

from console.event_records import values_of
from console.lookup.trace import parse_receipt
from console.pipeline.quarantine import (
    list_quarantine,
    replay,
    show_quarantined,
    unreplayed_receipts,
)
from console.pipeline.quarantine_edit import edit_quarantined, editable_text
from console.web.page_request import Visit
from console.web.responses import Answer, Page, Redirect

ENTRIES_SHOWN_MAX = 100
EVENTS_SHOWN_MAX = 20
RAW_BYTES_SHOWN_MAX = 512
_PATH = "/operations/quarantine"


def show_list(visit: Visit) -> Answer:
    entries = list_quarantine(visit.connection, ENTRIES_SHOWN_MAX)
    return Page("quarantine.html", {"entries": entries})


def show(visit: Visit, receipt: str) -> Answer:
    batch = show_quarantined(visit.connection, parse_receipt(receipt))
    values = {
        "entry": batch.entry,
        "events": [dict(values_of(event)) for event in (batch.events or [])[:EVENTS_SHOWN_MAX]],
        "text": editable_text(batch),
        "raw": batch.raw[:RAW_BYTES_SHOWN_MAX].hex(" ") if batch.events is None else "",
        "raw_bytes": len(batch.raw),
    }
    return Page("quarantine_entry.html", values)


def edit(visit: Visit, receipt: str) -> Answer:
    wanted = parse_receipt(receipt)
    changed = edit_quarantined(visit.connection, visit.actor, wanted, visit.form.get("events"))
    told = f"Changed: {', '.join(changed)}. Replay it now." if changed else "Nothing was changed."
    return Redirect(f"{_PATH}/{wanted}", told)


def replay_one(visit: Visit, receipt: str) -> Answer:
    wanted = parse_receipt(receipt)
    replay(visit.installation, visit.actor, [wanted])
    return Redirect(f"/receipts/{wanted}", "Put back into the inbox.")


def replay_all(visit: Visit) -> Answer:
    wanted = unreplayed_receipts(visit.connection)
    replay(visit.installation, visit.actor, wanted)
    return Redirect(_PATH, f"{len(wanted)} put back into the inbox.")
