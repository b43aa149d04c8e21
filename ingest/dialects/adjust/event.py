"""`/event`: an event of a type that the app has; `/revenue`, its older name with an `amount`."""

from functools import partial

from ingest.dialects.adjust.event_fields import (
    AdjustFields,
    adid_alone,
    endpoint,
    event_of,
    standing_of,
    take_amount,
)
from ingest.dialects.adjust.responses import accepted, event_refused, repeated
from ingest.dialects.common_fields import optional
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField
from shared.events import Event, Kind
from shared.scopes import Scope
from shared.seen import SeenMarker, unique_marker
from shared.snapshot import KnownEventType

_AMOUNT_MIN = "0.001"


def read_event(path: str, parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    """Raises RequestError for the first field that is missing or malformed."""
    event_token = parameters.require("event_token")
    event_type = _event_type(event_token, reception)
    parameters.keep("event_token", event_token)
    told = AdjustFields(
        Kind.EVENT,
        event_type.mapping_id,
        _revenue(parameters),
        optional(parameters, fields.currency, "currency"),
    )
    event = event_of(path, told, parameters, reception)
    return ParsedRequest(
        event,
        accepted(event),
        mark=_mark(event, event_type),
        if_marked=repeated(event),
        adid=adid_alone(event, reception),
        standing=standing_of(reception, event.event_id),
    )


def _event_type(event_token: str, reception: RequestContext) -> KnownEventType:
    event_types = reception.app.event_types if reception.app is not None else {}
    event_type = event_types.get(event_token)
    if event_type is None:
        raise MalformedField(
            "event_token", "is of no event type of this app. See `waybill event-type list`."
        )
    return event_type


def _revenue(parameters: Parameters) -> str | None:
    amount = take_amount(parameters, "revenue", "amount")
    if amount is not None and fields.is_less(amount, _AMOUNT_MIN):
        raise MalformedField("revenue", f"must be at least {_AMOUNT_MIN}. Leave it out for none.")
    return amount


def _mark(event: Event, event_type: KnownEventType) -> SeenMarker | None:
    if not event_type.is_unique:
        return None
    return unique_marker(event.app_id, event.environment, event_type.id, event.user_id)


EVENT, REVENUE = (
    endpoint(partial(read_event, path), event_refused, Scope.EVENTS)
    for path in ("/event", "/revenue")
)
