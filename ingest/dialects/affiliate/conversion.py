"""`/conversion`: a conversion that a network reports by the id of a click of ours.

The click stands for its user. A call may name the link that the click came through, for the names
of its network's fields. One conversion is told apart from another by the click and the network's
own transaction ID, else by the click and the event.
"""

from hashlib import sha256

from ingest.dialects.affiliate.conversion_status import Settlement, read_status
from ingest.dialects.affiliate.field_names import FieldNames, take_first_id, take_payout
from ingest.dialects.common_fields import (
    TOKEN_NAMES,
    open_marker,
    take_address,
    take_device_ids,
    take_event_time,
    take_idempotency_key,
    take_optional,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.responses import error_reply, receipt_reply
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MissingField
from shared.events import OPEN, Event, Kind
from shared.integration_log import UnreadReason
from shared.names.postback_names import PostbackField
from shared.placeholders import is_placeholder
from shared.snapshot import NO_TOKEN

NAME = "affiliate"
CONVERSION = "conversion"  # the event of a postback that names none
LINK_NAMES = ("offer_id", "pub_id")
NETWORK_TOKEN_NAME = "security_token"  # noqa: S105 - the name of a parameter

_NO_CLICK = "Send the click id that our link gave to the network, which fills in its macro for it."


def read_conversion(
    parameters: Parameters, context: RequestContext, endpoint: str = "/conversion"
) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    event = build_conversion(parameters, context, endpoint)
    return ParsedRequest(event, receipt_reply(event), marker=open_marker(event))


def build_conversion(parameters: Parameters, context: RequestContext, endpoint: str) -> Event:
    """Builds the event; a status, and what does not count, stay as they were sent."""
    names = FieldNames(context.link.postback_names if context.link else {})
    click_names = names.of(PostbackField.CLICK_ID)
    click_id = take_first_id(parameters, click_names, fields.user_id)
    if click_id is None:
        raise MissingField(click_names[0], _NO_CLICK)
    transaction_id = take_first_id(parameters, names.of(PostbackField.TRANSACTION_ID))
    if transaction_id is not None:
        parameters.put_back("transaction_id", transaction_id)
    status = read_status(parameters, names.of(PostbackField.STATUS)[0])
    named = take_first_id(parameters, names.of(PostbackField.EVENT_ID))
    event_id = named or status.event_id or CONVERSION
    if status.settlement is not Settlement.COUNTS:
        event_id = f"{event_id}_{status.settlement}"
    event_id = fields.identifier("event_id", event_id)
    amount = take_payout(parameters, names.of(PostbackField.AMOUNT))
    if amount is not None and status.settlement is not Settlement.COUNTS:
        undone = status.settlement is Settlement.REJECTED and fields.is_less("0", amount)
        parameters.put_back("amount", amount)
        amount = f"-{amount}" if undone else None
    is_strangers = context.grant.token_id == NO_TOKEN
    return Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=context.grant.environment,
        kind=Kind.OPEN if event_id == OPEN else Kind.EVENT,
        endpoint=endpoint,
        user_id=click_id,
        event_id=event_id,
        event_time_ms=None if is_strangers else take_event_time(parameters, context),
        idempotency_key=None
        if is_strangers
        else take_idempotency_key(parameters, context)
        or conversion_key(click_id, transaction_id, event_id, status.settlement),
        ip_address=take_address(parameters, "ip_address", "user_ip", forgiving=True),
        user_agent=take_user_agent(parameters, "user_agent", "user_ua", forgiving=True),
        sale_amount=amount,
        sale_amount_currency=_take_currency(parameters, names.of(PostbackField.CURRENCY)),
        click_id=click_id,
        device_ids=take_device_ids(parameters, forgiving=True),
        parameters=parameters.rest(),
    )


def conversion_key(
    click_id: str, transaction_id: str | None, event_id: str, settlement: Settlement
) -> str:
    """Returns the idempotency key of a conversion that has none of its own.

    A transaction ID is only its network's; a tracker may count from 1. A rejected conversion has
    the transaction ID of the one that it undoes, and is another event.
    """
    told_apart = [click_id, transaction_id or event_id]
    if transaction_id is not None and settlement is not Settlement.COUNTS:
        told_apart.append(settlement)
    key = ":".join(told_apart)
    return key if len(key) <= fields.ID_CHARACTERS_MAX else sha256(key.encode()).hexdigest()


def _take_currency(parameters: Parameters, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = parameters.get(name)
        if value and is_placeholder(value):
            parameters.note(name, value, UnreadReason.MACRO)
        elif (currency := take_optional(parameters, fields.currency, name)) is not None:
            return currency
    return None


CONVERSIONS = Dialect(
    name=NAME,
    token_names=TOKEN_NAMES,
    read=read_conversion,
    error_reply=error_reply,
    named_link=LINK_NAMES,
    network_token_name=NETWORK_TOKEN_NAME,
)
