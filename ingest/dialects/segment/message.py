"""`/v1/track` and its siblings (identify, page, screen, group, alias): one call of a user.

A tracked event has its own name; of the other calls, that of the call is the event's. The user is
the `userId`, else the `anonymousId`, which is a device ID in either case.
"""

from functools import partial

from ingest.dialects.common_fields import (
    open_marker,
    take_address,
    take_device_ids,
    take_id,
    take_idempotency_key,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext, Sender
from ingest.dialects.segment.call_context import spread_context
from ingest.dialects.segment.clock import event_time
from ingest.dialects.segment.properties import take_properties
from ingest.dialects.segment.responses import error_reply, ok_reply
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField, MissingField
from shared.events import OPEN, Event, Kind
from shared.placeholders import is_no_id

NAME = "segment"
TOKEN_NAMES = frozenset({"writeKey"})

_TRACK, _GROUP, _ALIAS = "track", "group", "alias"
_WITH_TRAITS = frozenset({"identify", _GROUP})
_NO_USER = "Send userId or anonymousId with every call."


def read_message(call: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    if parameters.get("type") not in {"", call}:
        raise MalformedField("type", f"must be {call} at this path. Leave it out.")
    event_id, user_id = _take_event_id(call, parameters), _take_user(call, parameters)
    described_device = spread_context(parameters)
    is_tracked = call == _TRACK
    name = "traits" if call in _WITH_TRAITS else "properties"
    properties = take_properties(parameters, name, event_id if is_tracked else None)
    message_id = take_id(parameters, fields.identifier, "messageId")
    user_agent = take_user_agent(parameters, "user_agent", forgiving=True)
    event = Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=context.grant.environment,
        kind=Kind.OPEN if event_id == OPEN else Kind.EVENT,
        endpoint=f"/v1/{call}",
        user_id=user_id,
        event_id=event_id,
        event_time_ms=event_time(parameters, context.received_at_ms),
        idempotency_key=take_idempotency_key(parameters, context) or message_id,
        ip_address=take_address(parameters, "ip_address", forgiving=True),
        user_agent=user_agent,
        described_device=None if user_agent else described_device,
        sale_amount=properties.amount,
        sale_amount_currency=properties.currency,
        event_value=properties.text,
        click_id=take_id(parameters, fields.user_id, "click_id"),
        device_ids=take_device_ids(parameters, forgiving=True),
        parameters=parameters.rest(),
    )
    return ParsedRequest(event, ok_reply(event), marker=open_marker(event))


def _take_event_id(call: str, parameters: Parameters) -> str:
    if call != _TRACK:
        return call
    event_id = take_id(parameters, fields.identifier, "event")
    if event_id is None:
        raise MissingField("event")
    return event_id


def _take_user(call: str, parameters: Parameters) -> str:
    """Takes the user, and leaves the ID by which they were known before as a device ID."""
    user_id = take_id(parameters, fields.user_id, "userId")
    if call == _GROUP and is_no_id(parameters.get("groupId")):
        raise MissingField("groupId")
    earlier_name = "previousId" if call == _ALIAS else "anonymousId"
    earlier = take_id(parameters, fields.identifier, earlier_name)
    if call == _ALIAS and (earlier is None or user_id is None):
        raise MissingField("userId" if user_id is None else "previousId")
    if earlier is not None:
        parameters.put_back("external_device_id", earlier)
    if user_id is None and earlier is None:
        raise MissingField("userId", _NO_USER)
    return user_id or fields.user_id("anonymousId", earlier or "")


SEGMENT = Sender(name=NAME, token_names=TOKEN_NAMES, basic=True)
MESSAGES = {
    call: Dialect(
        name=NAME,
        token_names=TOKEN_NAMES,
        basic=True,
        read=partial(read_message, call),
        error_reply=error_reply,
    )
    for call in (_TRACK, "identify", "page", "screen", _GROUP, _ALIAS)
}
