"""A receipt: where its event is, what became of it, and where it stands in its user's life."""

from console.event_records import values_of
from console.lookup.timeline_words import event_context_words
from console.lookup.trace import Trace, parse_receipt, trace
from console.lookup.trace_words import sentence
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page


def show(request: PageRequest, receipt: str) -> Answer:
    found = trace(request.connection, request.services.redis, parse_receipt(receipt))
    return Page("receipt.html", {"trace": found, "parts": _parts(found)})


def _parts(found: Trace) -> list[dict[str, object]]:
    """The receipt itself, then what it repeated."""
    part = {
        "trace": found,
        "sentence": sentence(found),
        "facts": dict(values_of(found.event)) if found.event else {},
        "placement": dict(event_context_words(found.placement)) if found.placement else {},
    }
    return [part, *(_parts(found.first) if found.first else [])]
