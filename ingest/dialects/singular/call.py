"""`/api/v1/launch`, `/api/v1/evt`, `/api/v2/evt`: a session or an event of a device."""

from functools import partial

from ingest.dialects.common_fields import (
    open_marker,
    take_address,
    take_event_time,
    take_id,
    take_idempotency_key,
    take_if_valid,
    take_money,
    take_optional,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext, is_yes
from ingest.dialects.singular.device import (
    check_app,
    described_device,
    referred_click_id,
    take_device,
)
from ingest.dialects.singular.responses import KEY_NAME, error_reply, ok_reply
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MissingField
from shared.events import OPEN, Event, Kind
from shared.names.invisible import trimmed

NAME = "singular"

_IN_APP_PURCHASE = "__iap__"
_TIMES = ("umilisec", "utime")


def read_launch(endpoint: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a session. Raises RequestError for the first field that is missing or malformed."""
    check_app(parameters)
    return _parsed(_build(endpoint, OPEN, (None, None), parameters, context))


def read_event(endpoint: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads an event. Raises RequestError for the first field that is missing or malformed."""
    check_app(parameters)
    # The name of a purchase looks like a macro.
    is_purchase = trimmed(parameters.get("n")) == _IN_APP_PURCHASE
    event_id = parameters.take("n") if is_purchase else take_id(parameters, fields.identifier, "n")
    if event_id is None:
        raise MissingField("n")
    amount = _take_revenue(parameters, event_id)
    return _parsed(_build(endpoint, event_id, amount, parameters, context))


def _parsed(event: Event) -> ParsedRequest:
    return ParsedRequest(event, ok_reply(event), marker=open_marker(event))


def _build(
    endpoint: str,
    event_id: str,
    revenue: tuple[str | None, str | None],
    parameters: Parameters,
    context: RequestContext,
) -> Event:
    user_id, device_ids = take_device(parameters)
    _name_time(parameters)
    user_agent = take_user_agent(parameters, "user_agent", forgiving=True)
    click_id = take_id(parameters, fields.user_id, "click_id") or referred_click_id(parameters)
    amount, currency = revenue
    return Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=context.grant.environment,
        kind=Kind.OPEN if event_id == OPEN else Kind.EVENT,
        endpoint=endpoint,
        user_id=user_id,
        event_id=event_id,
        event_time_ms=take_event_time(parameters, context, forgiving=True),
        idempotency_key=take_idempotency_key(parameters, context),
        ip_address=take_address(parameters, "ip_address", forgiving=True),
        user_agent=user_agent,
        described_device=None if user_agent else described_device(parameters),
        sale_amount=amount,
        sale_amount_currency=currency,
        event_value=take_if_valid(parameters, fields.event_value, "e"),
        click_id=click_id,
        device_ids=device_ids,
        parameters=parameters.rest(),
    )


def _take_revenue(parameters: Parameters, event_id: str) -> tuple[str | None, str | None]:
    """Takes amount and currency of an event that is not declared to be no revenue."""
    declared = trimmed(parameters.get("is_revenue_event"))
    if declared and not is_yes(declared) and event_id != _IN_APP_PURCHASE:
        return None, None
    return take_money(parameters, "amt"), take_optional(parameters, fields.currency, "cur")


def _name_time(parameters: Parameters) -> None:
    """Gives the time of a call Waybill's own name, that in milliseconds before that in seconds."""
    for name in _TIMES:
        if not parameters.get("event_time") and (value := parameters.take(name)):
            parameters.put_back("event_time", value)


def _dialect(read: partial[ParsedRequest]) -> Dialect:
    return Dialect(name=NAME, token_names=frozenset({KEY_NAME}), read=read, error_reply=error_reply)


CALLS = {
    "/api/v1/launch": _dialect(partial(read_launch, "/api/v1/launch")),
    "/api/v1/evt": _dialect(partial(read_event, "/api/v1/evt")),
    "/api/v2/evt": _dialect(partial(read_event, "/api/v2/evt")),
}
