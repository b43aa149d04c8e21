"""`/event`: an event of a type that the app has; `/revenue`, its older name with an `amount`."""

from functools import partial

from ingest.dialects.adjust.event_fields import (
    AMOUNT,
    CURRENCY,
    AdjustFields,
    adjust_dialect,
    build_event,
    history_check,
    sole_adid,
    take_amount,
)
from ingest.dialects.adjust.plain_event import EVENT_AMOUNT_MIN, read_plain_event
from ingest.dialects.adjust.responses import duplicate_reply, event_error_reply, ok_reply
from ingest.dialects.common_fields import take_optional
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField
from shared.events import Kind
from shared.names.invisible import trimmed
from shared.scopes import Scope
from shared.seen import unique_marker


def read_event(path: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    event_token = trimmed(parameters.require("event_token"))
    event_type = context.app.event_types.get(event_token) if context.app is not None else None
    if event_type is None:
        raise MalformedField(
            "event_token", "belongs to no event type of this app. See `waybill event-type list`."
        )
    parameters.put_back("event_token", event_token)
    revenue = take_amount(parameters, *AMOUNT)
    if revenue is not None and fields.is_less(revenue, EVENT_AMOUNT_MIN):
        raise MalformedField(
            "revenue", f"must be at least {EVENT_AMOUNT_MIN}. Leave it out for none."
        )
    currency = take_optional(parameters, fields.currency, *CURRENCY)
    own_fields = AdjustFields(Kind.EVENT, event_type.mapping_id, revenue, currency)
    event = build_event(path, own_fields, parameters, context)
    marker = None
    if event_type.is_unique:
        marker = unique_marker(event.app_id, event.environment, event_type.id, event.user_id)
    return ParsedRequest(
        event,
        ok_reply(event),
        marker=marker,
        if_seen=None if marker is None else duplicate_reply(event),
        adid=sole_adid(event, context),
        history_check=history_check(context, event.event_id),
    )


EVENT, REVENUE = (
    adjust_dialect(partial(read_event, path), event_error_reply, Scope.EVENTS, read_plain)
    for path, read_plain in (("/event", read_plain_event), ("/revenue", None))
)
