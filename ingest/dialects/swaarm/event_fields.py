"""What `/postback` and `/s2sevent` have in common: parameters that say what happened, and how much.

Senders mix up the two endpoints' names for the same, so each takes the other's too. `sale_amout` is
how Swaarm's own example spells it, `aggregated_value` what its SDK for the web sends.
"""

from typing import NamedTuple

from ingest.dialects.common_fields import idempotency_key, optional
from ingest.dialects.device_ids import take_device_ids
from ingest.dialects.dialect import RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.events import OPEN, Event, Kind

NAME = "swaarm"
ADDRESS = ("ip_address", "user_ip")
USER_AGENT = ("user_agent", "user_ua")


class SwaarmFields(NamedTuple):
    """What each endpoint asks for in its own way."""

    user_id: str
    event_id: str
    click_id: str | None
    ip_address: str | None
    user_agent: str | None


def event_of(
    endpoint: str, told: SwaarmFields, parameters: Parameters, reception: RequestContext
) -> Event:
    """Takes the other fields. Raises RequestError for the first that is malformed."""
    return Event(
        receipt=reception.receipt,
        received_at_ms=reception.received_at_ms,
        app_id=reception.grant.app_id,
        token_id=reception.grant.token_id,
        environment=reception.grant.environment,
        kind=Kind.OPEN if told.event_id == OPEN else Kind.EVENT,
        endpoint=endpoint,
        user_id=told.user_id,
        event_id=told.event_id,
        event_time_ms=take_event_time(parameters, reception),
        idempotency_key=idempotency_key(parameters, reception),
        ip_address=told.ip_address,
        user_agent=told.user_agent,
        sale_amount=_amount(parameters, "sale_amount", "sale_amout"),
        sale_amount_currency=optional(parameters, fields.currency, "sale_amount_currency"),
        aggregated_event_value=_amount(parameters, "aggregated_event_value", "aggregated_value"),
        event_value=optional(parameters, fields.event_value, "event_value"),
        click_id=told.click_id,
        device_ids=take_device_ids(parameters),
        parameters=parameters.rest(),
    )


def take_event_time(parameters: Parameters, reception: RequestContext) -> int | None:
    value = parameters.take("event_time")
    if value is None:
        return None
    return fields.event_time("event_time", value, reception.received_at_ms)


def _amount(parameters: Parameters, name: str, other_spelling: str) -> str | None:
    value = parameters.take(name, other_spelling)
    if value is None:
        return None
    amount = fields.amount(name, value)
    if fields.has_more_places(value):
        parameters.keep(name, value)
    return amount
