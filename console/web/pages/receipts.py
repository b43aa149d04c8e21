"""The page of a receipt: the state of its event, its attribution, session and conversion."""

from console.event_records import values_of
from console.lookup.timeline_words import event_context_words
from console.lookup.trace import Trace, parse_receipt, trace
from console.lookup.trace_words import sentence
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page


def show(request: PageRequest, receipt: str) -> Answer:
    traced = trace(request.connection, request.services.redis, parse_receipt(receipt))
    return Page("receipt.html", {"trace": traced, "parts": _parts(traced)})


def _parts(traced: Trace) -> list[dict[str, object]]:
    """Returns the receipt itself, then the event that it repeated, if any."""
    part = {
        "trace": traced,
        "sentence": sentence(traced),
        "facts": dict(values_of(traced.event)) if traced.event else {},
        "context": dict(event_context_words(traced.placement)) if traced.placement else {},
    }
    return [part, *(_parts(traced.first) if traced.first else [])]
