"""A receipt: where its event is, what became of it, and where it stands in its user's life."""

from console.events import values_of
from console.timeline import placement_words
from console.trace import Trace, parse_receipt, trace
from console.trace_view import sentence
from console.web.answers import Answer, Page
from console.web.visit import Visit


def show(visit: Visit, receipt: str) -> Answer:
    found = trace(visit.connection, visit.services.redis, parse_receipt(receipt))
    return Page("receipt.html", {"trace": found, "parts": _parts(found)})


def _parts(found: Trace) -> list[dict[str, object]]:
    """The receipt itself, then what it repeated."""
    part = {
        "trace": found,
        "sentence": sentence(found),
        "facts": dict(values_of(found.event)) if found.event else {},
        "placement": dict(placement_words(found.placement)) if found.placement else {},
    }
    return [part, *(_parts(found.first) if found.first else [])]
