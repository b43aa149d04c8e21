"""The page of a receipt: the state of its event, its attribution, session and conversion."""

import msgspec

from console.apps.apps import app_with_id
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import list_deliveries
from console.event_records import present_values
from console.lookup.timeline_words import describe_event_context
from console.lookup.trace import Trace, parse_receipt, trace
from console.lookup.trace_words import trace_sentence
from console.web.lookups import visible_names
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page

SHOWN_MAX = 100


def show(request: PageRequest, receipt: str) -> Answer:
    visible = visible_names(request.connection, request.reach)
    traced = trace(request.connection, request.services.redis, parse_receipt(receipt), visible)
    values = {"trace": traced, "parts": _parts(traced), "deliveries": [], "told_app": None}
    if traced.placement is not None:
        app = app_with_id(request.connection, traced.placement.app_id)
        if app is not None:
            told = DeliveryFilter(receipt=traced.receipt)
            found = list_deliveries(request.connection, app, told, SHOWN_MAX)
            values |= {"deliveries": found, "told_app": app}
    return Page("receipt.html", values)


def _parts(traced: Trace) -> list[dict[str, object]]:
    """Returns the receipt itself, then the event that it repeated, if any."""
    event = traced.event
    part = {
        "trace": traced,
        "sentence": trace_sentence(traced),
        "facts": dict(present_values(event)) if event else {},
        "document": msgspec.json.format(msgspec.json.encode(event)).decode() if event else "",
        "context": dict(describe_event_context(traced.placement)) if traced.placement else {},
    }
    return [part, *(_parts(traced.first) if traced.first else [])]
