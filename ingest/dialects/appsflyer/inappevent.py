"""`/inappevent/{app_id}`: an event of a user of the app, as a backend reports it.

The token names the app; the path says which one the sender means, and is kept with the event. A
user is known by the sender's own `customer_user_id`, else by the ID of AppsFlyer's SDK; the latter
is kept as a device ID in either case.
"""

from ingest.dialects.appsflyer.event_value import take_event_value
from ingest.dialects.appsflyer.responses import error_reply, ok_reply
from ingest.dialects.common_fields import (
    open_marker,
    rename,
    take_address,
    take_device_ids,
    take_event_time,
    take_id,
    take_idempotency_key,
    take_optional,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField, MissingField
from shared.events import OPEN, Event, Kind
from shared.names.invisible import trimmed

NAME = "appsflyer"
ENDPOINT = "/inappevent"
TOKEN_HEADER = "authentication"  # noqa: S105 - the name of a header

_KEPT_AS = {
    "advertising_id": "gps_adid",
    "amazon_aid": "fire_adid",
    "appsflyer_id": "external_device_id",
    "eventTime": "event_time",
    "ip": "ip_address",
}
_NO_APP = "must be AppsFlyer's ID of an app: on iOS with the prefix id, such as id123456789."


def read_inappevent(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    app_id = trimmed(parameters.get("app_id"))
    if not app_id or app_id.isdigit():
        raise MalformedField("app_id", _NO_APP)
    if parameters.rest().keys() <= {"app_id"}:
        raise MalformedField("body", "is missing. Send one JSON object.")
    appsflyer_id = take_id(parameters, fields.identifier, "appsflyer_id")
    if appsflyer_id is None:
        raise MissingField("appsflyer_id")
    user_id = take_id(parameters, fields.user_id, "customer_user_id")
    event_id = take_id(parameters, fields.identifier, "eventName")
    if event_id is None:
        raise MissingField("eventName")
    parameters.put_back("appsflyer_id", appsflyer_id)
    rename(parameters, _KEPT_AS)
    value = take_event_value(parameters)
    event = Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=context.grant.environment,
        kind=Kind.OPEN if event_id == OPEN else Kind.EVENT,
        endpoint=ENDPOINT,
        user_id=user_id or fields.user_id("appsflyer_id", appsflyer_id),
        event_id=event_id,
        event_time_ms=take_event_time(parameters, context, forgiving=True),
        idempotency_key=take_idempotency_key(parameters, context),
        ip_address=take_address(parameters, "ip_address", forgiving=True),
        user_agent=take_user_agent(parameters, "user_agent", forgiving=True),
        sale_amount=value.amount,
        sale_amount_currency=take_optional(parameters, fields.currency, "eventCurrency")
        or value.currency,
        event_value=value.text,
        click_id=take_id(parameters, fields.user_id, "click_id"),
        device_ids=take_device_ids(parameters, forgiving=True),
        parameters=parameters.rest(),
    )
    return ParsedRequest(event, ok_reply(event), marker=open_marker(event))


INAPPEVENT = Dialect(
    name=NAME,
    token_header=TOKEN_HEADER,
    read=read_inappevent,
    error_reply=error_reply,
)
