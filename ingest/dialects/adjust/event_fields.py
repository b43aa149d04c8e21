"""What the endpoints of the Adjust dialect have in common.

Adjust's pages ask for more than real clients send, and those send what the pages do not know: an
address `undefined`, a user agent that was encoded twice, milliseconds where seconds are asked for.
What only informs is never a reason to refuse: if it cannot be read it is kept as it was sent.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from ingest.dialects.adjust.described_device import described_device
from ingest.dialects.common_fields import TOKEN_NAMES, idempotency_key, legible
from ingest.dialects.device_ids import take_device_ids
from ingest.dialects.dialect import DeviceHistoryCheck, Dialect, Read, Refused, RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import user_id_of
from shared.errors import MalformedField, UnknownDevice
from shared.events import Environment, Event, Kind
from shared.scopes import Scope

NAME = "adjust"
ADDRESS_HEADER = "X-Adjust-Forwarded-For"
REQUEST_BYTES_MAX = 1_000_000  # "1 MB", and a larger one is a 413
PARAMETERS_MAX = 100

_NOBODY = "Send a device id, such as idfv or google_app_set_id; zeroes and undefined are none."
# An Adjust SDK's own form: a literal Z, then the offset. An unescaped plus arrives as a space.
_Z_BEFORE_OFFSET = re.compile(r"Z(?=[+\- ]\d{2}:?\d{2}$)")


def endpoint(read: Read, refused: Refused, scope: Scope) -> Dialect:
    """What is the same for each endpoint of this dialect."""
    return Dialect(
        NAME,
        TOKEN_NAMES,
        read,
        refused,
        app_scope=scope,
        address_header=ADDRESS_HEADER,
        request_bytes_max=REQUEST_BYTES_MAX,
        parameters_max=PARAMETERS_MAX,
    )


class AdjustFields(NamedTuple):
    """What each endpoint tells in its own way."""

    kind: Kind
    event_id: str
    amount: str | None = None
    currency: str | None = None
    network: str | None = None
    unit: str | None = None
    placement: str | None = None
    impressions: int | None = None


def event_of(
    endpoint: str, told: AdjustFields, parameters: Parameters, reception: RequestContext
) -> Event:
    """Takes the other fields. Raises RequestError for the first that is wrong."""
    for name in ("app_token", "s2s"):  # they have said all that they can
        parameters.take(name)
    device_ids = take_device_ids(parameters)
    user_id = reception.known_as or user_id_of(device_ids)
    if user_id is None:
        raise UnknownDevice(_NOBODY)
    for name in ("callback_params", "partner_params"):
        _check_object(name, parameters)
    return Event(
        receipt=reception.receipt,
        received_at_ms=reception.received_at_ms,
        app_id=reception.grant.app_id,
        token_id=reception.grant.token_id,
        environment=_environment(parameters, reception),
        kind=told.kind,
        endpoint=endpoint,
        user_id=user_id,
        event_id=told.event_id,
        event_time_ms=_event_time(parameters, reception.received_at_ms),
        idempotency_key=idempotency_key(parameters, reception),
        ip_address=legible(parameters, fields.address, "ip_address") or reception.visitor.address,
        user_agent=_user_agent(parameters),
        sale_amount=told.amount,
        sale_amount_currency=told.currency,
        device_ids=device_ids,
        parameters=parameters.rest(),
        would_refuse=reception.fault,
        ad_network=told.network,
        ad_unit=told.unit,
        ad_placement=told.placement,
        ad_impressions=told.impressions,
        described_device=described_device(parameters.rest()),
    )


def adid_alone(event: Event, reception: RequestContext) -> str | None:
    """The adid that is all that names the user; None once it is known whose it is."""
    adid = event.device_ids.get("adid")
    if (
        adid is None
        or reception.known_as is not None
        or event.user_id != user_id_of({"adid": adid})
    ):
        return None
    return event.user_id.lower()


def standing_of(reception: RequestContext, in_order_with: str | None) -> DeviceHistoryCheck | None:
    """What is asked of the past, if the app wants that."""
    app = reception.app
    return DeviceHistoryCheck(in_order_with) if app is not None and app.adjust_refusals else None


def take_amount(parameters: Parameters, name: str, *names: str) -> str | None:
    """Six places, rounded half-even; what had more is kept as it was sent."""
    value = parameters.take(name, *names)
    if value is None:
        return None
    amount = fields.exact_amount(name, value)
    if not fields.is_as_sent(amount, value):
        parameters.keep(name, value)
    return amount


def _environment(parameters: Parameters, reception: RequestContext) -> Environment:
    """A test token means the sandbox, whatever else is said."""
    value = parameters.take("environment")
    try:
        told = Environment(value.lower()) if value else Environment.PRODUCTION
    except ValueError as fault:
        raise MalformedField("environment", "must be sandbox or production.") from fault
    return Environment.SANDBOX if reception.grant.environment is Environment.SANDBOX else told


def _event_time(parameters: Parameters, now_ms: int) -> int | None:
    """`created_at_unix` before `created_at`, as Adjust recommends it; the other is kept as sent."""
    unix = parameters.take("created_at_unix")
    if unix is not None:
        return fields.event_time("created_at_unix", unix, now_ms)
    value = parameters.take("created_at")
    if value is None:
        return None
    return fields.event_time("created_at", _Z_BEFORE_OFFSET.sub("", value.strip()), now_ms)


def _user_agent(parameters: Parameters) -> str | None:
    value = legible(parameters, fields.user_agent, "user_agent")
    if value is not None and " " not in value and "%20" in value:
        return unquote(value)  # encoded twice
    return value


def _check_object(name: str, parameters: Parameters) -> None:
    """A JSON object, kept as it was sent."""
    value = parameters.take(name)
    if value is None:
        return
    try:
        msgspec.json.decode(value, type=dict[str, object])
    except msgspec.MsgspecError as fault:
        raise MalformedField(name, "must be a JSON object of strings.") from fault
    parameters.keep(name, value)
