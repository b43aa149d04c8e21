"""Reads the fields that all endpoints of the Adjust dialect have in common.

Adjust's pages ask for more than real clients send, and those send what the pages do not mention: an
address `undefined`, a user agent that was encoded twice, milliseconds where seconds are asked for.
A field that is only informative is never a reason to refuse: if it cannot be read it is kept as it
was sent.
"""

from typing import NamedTuple

import msgspec

from ingest.dialects.adjust.described_device import browser_user_agent
from ingest.dialects.adjust.plain_event import CREDENTIALS
from ingest.dialects.common_fields import (
    OTHER_TIMES,
    TOKEN_NAMES,
    Z_BEFORE_OFFSET,
    take_address,
    take_device_ids,
    take_event_time,
    take_idempotency_key,
    take_if_valid,
    take_user_agent,
)
from ingest.dialects.dialect import (
    DeviceHistoryCheck,
    Dialect,
    ErrorReply,
    Read,
    ReadPlain,
    RequestContext,
)
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import user_id_of
from shared.errors import MalformedField, UnknownDevice
from shared.events import Environment, Event, Kind
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed
from shared.scopes import Scope

NAME = "adjust"
ADDRESS_HEADER = "X-Adjust-Forwarded-For"
REQUEST_BYTES_MAX = 1_000_000  # "1 MB", and a larger one is a 413
PARAMETERS_MAX = 100

# The names of Swaarm's dialect for the same fields.
AMOUNT = ("revenue", "amount", "sale_amount", "sale_amout")
CURRENCY = ("currency", "sale_amount_currency")
_AGGREGATED = ("aggregated_event_value", "aggregated_value")

_NO_DEVICE = "Send a device id, such as idfv or google_app_set_id; zeroes and undefined are none."


def adjust_dialect(
    read: Read, error_reply: ErrorReply, scope: Scope, read_plain: ReadPlain | None = None
) -> Dialect:
    """Returns an endpoint with the settings that are the same for all of this dialect."""
    return Dialect(
        name=NAME,
        token_names=TOKEN_NAMES,
        read=read,
        read_plain=read_plain,
        plain_credentials=CREDENTIALS,
        error_reply=error_reply,
        app_scope=scope,
        address_header=ADDRESS_HEADER,
        request_bytes_max=REQUEST_BYTES_MAX,
        parameters_max=PARAMETERS_MAX,
    )


class AdjustFields(NamedTuple):
    """The fields that each endpoint reads in its own way."""

    kind: Kind
    event_id: str
    amount: str | None = None
    currency: str | None = None
    network: str | None = None
    unit: str | None = None
    placement: str | None = None
    impressions: int | None = None


def build_event(
    endpoint: str, own_fields: AdjustFields, parameters: Parameters, context: RequestContext
) -> Event:
    """Takes the other fields. Raises RequestError for the first that is wrong."""
    for name in ("app_token", "s2s"):  # nothing more can be learned from them
        parameters.take(name)
    device_ids = take_device_ids(parameters)
    user_id = context.adid_user_id or user_id_of(device_ids)
    if user_id is None:
        raise UnknownDevice(_NO_DEVICE)
    _check_objects(parameters)
    ip_address = take_address(parameters, "ip_address", "user_ip", forgiving=True)
    if ip_address is None and context.client.unread_address is not None:
        parameters.leave(ADDRESS_HEADER, context.client.unread_address, UnreadReason.UNREADABLE)
    return Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=_take_environment(parameters, context),
        kind=own_fields.kind,
        endpoint=endpoint,
        user_id=user_id,
        event_id=own_fields.event_id,
        event_time_ms=_take_event_time(parameters, context),
        idempotency_key=take_idempotency_key(parameters, context),
        ip_address=ip_address or context.client.address,
        user_agent=take_user_agent(parameters, "user_agent", "user_ua", forgiving=True),
        sale_amount=own_fields.amount,
        sale_amount_currency=own_fields.currency,
        aggregated_event_value=take_if_valid(parameters, fields.amount, *_AGGREGATED),
        event_value=take_if_valid(parameters, fields.event_value, "event_value"),
        device_ids=device_ids,
        parameters=parameters.rest(),
        would_refuse=context.fault,
        ad_network=own_fields.network,
        ad_unit=own_fields.unit,
        ad_placement=own_fields.placement,
        ad_impressions=own_fields.impressions,
        described_device=browser_user_agent(parameters.rest()),
    )


def sole_adid(event: Event, context: RequestContext) -> str | None:
    """Returns the adid if nothing else names the user; None once it is known whose adid it is."""
    adid = event.device_ids.get("adid")
    if (
        adid is None
        or context.adid_user_id is not None
        or event.user_id != user_id_of({"adid": adid})
    ):
        return None
    return event.user_id.lower()


def history_check(context: RequestContext, in_order_with: str | None) -> DeviceHistoryCheck | None:
    """Returns the check of the device's history, if the app wants that."""
    app = context.app
    return DeviceHistoryCheck(in_order_with) if app is not None and app.adjust_refusals else None


def take_amount(parameters: Parameters, name: str, *spellings: str) -> str | None:
    """Takes an amount: six places, rounded half-even; one that had more is kept as it was sent."""
    value = parameters.take(name, *spellings)
    if value is None:
        return None
    amount = fields.exact_amount(name, value)
    if not fields.is_as_sent(amount, value):
        parameters.put_back(name, value)
    return amount


def _take_environment(parameters: Parameters, context: RequestContext) -> Environment:
    """Takes the environment; a test token means the sandbox, whatever the parameter says."""
    value = parameters.take("environment")
    try:
        environment = Environment(trimmed(value).lower()) if value else Environment.PRODUCTION
    except ValueError as error:
        raise MalformedField("environment", "must be sandbox or production.") from error
    if context.grant.environment is Environment.SANDBOX:
        return Environment.SANDBOX
    return environment


def _take_event_time(parameters: Parameters, context: RequestContext) -> int | None:
    """Prefers `created_at_unix`, as Adjust recommends; then `created_at` is kept as it was sent."""
    for name in OTHER_TIMES:
        value = parameters.take(name)
        if value is not None:
            text = Z_BEFORE_OFFSET.sub("", trimmed(value))
            return fields.event_time(name, text, context.received_at_ms)
    return take_event_time(parameters, context, forgiving=True)  # Waybill's own name


def _check_objects(parameters: Parameters) -> None:
    """Checks that the parameters for callbacks are JSON objects, kept as they were sent."""
    for name in ("callback_params", "partner_params"):
        value = parameters.take(name)
        if value is None:
            continue
        try:
            msgspec.json.decode(value, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError) as error:  # the latter: a thousand deep
            raise MalformedField(name, "must be a JSON object of strings.") from error
        parameters.put_back(name, value)
