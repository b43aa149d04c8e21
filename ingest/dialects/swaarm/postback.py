"""`/postback`: an event of a user, or of the user that a click id stands for.

Swaarm's page asks for `user_id` and `event_id`. Its partners and SDKs send `click_id` instead: then
the click stands for its user, and a call that names no event is the default one, the install. What
names a click as Voluum's postbacks do, which have the same path, is read as one of those.

The fields that it shares with `/s2sevent` are read here too: those that say what happened, and how
much it was worth. Senders mix up the two endpoints' names for the same field, so each accepts the
other's too. `sale_amout` is how Swaarm's own example spells it, `aggregated_value` what its SDK for
the web sends. Adjust's names for amount, currency and time are understood where they can be read,
and so is its `environment=sandbox`.
"""

from typing import NamedTuple

from ingest.dialects.affiliate.conversion import read_conversion
from ingest.dialects.affiliate.field_names import OTHER_CLICK_NAMES
from ingest.dialects.common_fields import (
    TOKEN_NAMES,
    open_marker,
    take_address,
    take_device_ids,
    take_event_time,
    take_id,
    take_idempotency_key,
    take_if_valid,
    take_optional,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.plain_event import TOKEN_NAME, read_plain_postback
from ingest.dialects.swaarm.responses import error_reply, receipt_reply
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField, MissingField, RequestError
from shared.events import INSTALL, OPEN, Environment, Event, Kind
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed
from shared.placeholders import is_no_id
from shared.snapshot import NO_TOKEN

NAME = "swaarm"
ADDRESS = ("ip_address", "user_ip")
USER_AGENT = ("user_agent", "user_ua")

_NO_USER = (
    "Send user_id and event_id; or click_id, which can stand for the user, and without an event_id "
    "reports the install."
)
_UNFILLED = (
    "is a placeholder that nobody filled in: everybody would be this user. Send the user's own id, "
    "or leave it out and send click_id."
)
_NO_EVENT = (
    "Send the mapping id of the event; or click_id, which without an event_id is an install."
)
_NUMBERED = "our_event_type_id counts Swaarm's own event types: send the mapping id instead."


class SwaarmFields(NamedTuple):
    """The fields that each endpoint reads in its own way."""

    user_id: str
    event_id: str
    click_id: str | None
    ip_address: str | None
    user_agent: str | None


def read_postback(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    click_id = take_id(parameters, fields.user_id, "click_id")
    user_id = take_id(parameters, fields.user_id, "user_id") or click_id
    if user_id is None:
        if parameters.sent_among(OTHER_CLICK_NAMES) and context.grant.token_id != NO_TOKEN:
            return read_conversion(parameters, context, "/postback")
        raise no_user(parameters)
    event_id = take_optional(parameters, fields.identifier, "event_id")
    if event_id is None:
        if click_id is None:
            raise MissingField("event_id", _NO_EVENT)
        if parameters.take("our_event_type_id"):
            raise MissingField("event_id", _NUMBERED)
        event_id = INSTALL
    ip_address = take_address(parameters, *ADDRESS)
    user_agent = take_user_agent(parameters, *USER_AGENT)
    own_fields = SwaarmFields(user_id, event_id, click_id, ip_address, user_agent)
    return parse_event("/postback", own_fields, parameters, context)


def no_user(parameters: Parameters) -> RequestError:
    """Returns the error of a call without a user, which names a placeholder that came instead."""
    for unread in parameters.unread:
        if unread.name in {"user_id", "click_id"} and unread.reason is UnreadReason.MACRO:
            return MalformedField(unread.name, _UNFILLED)
    return MissingField("user_id", _NO_USER)


def parse_event(
    endpoint: str, own_fields: SwaarmFields, parameters: Parameters, context: RequestContext
) -> ParsedRequest:
    """Takes the other fields. Raises RequestError for the first that is malformed.

    Without a token, neither time nor idempotency key are used: nobody but the app decides what is
    early, and which of its events is a repeat.
    """
    is_strangers = context.grant.token_id == NO_TOKEN
    if is_no_id(own_fields.event_id):  # kept, and told: of what event it was, nobody can say
        parameters.note("event_id", own_fields.event_id, UnreadReason.MACRO)
    is_sandbox = trimmed(parameters.get("environment")).lower() == Environment.SANDBOX
    event = Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=Environment.SANDBOX if is_sandbox else context.grant.environment,
        kind=Kind.OPEN if own_fields.event_id == OPEN else Kind.EVENT,
        endpoint=endpoint,
        user_id=own_fields.user_id,
        event_id=own_fields.event_id,
        event_time_ms=None if is_strangers else take_event_time(parameters, context),
        idempotency_key=None if is_strangers else take_idempotency_key(parameters, context),
        ip_address=own_fields.ip_address,
        user_agent=own_fields.user_agent,
        sale_amount=_take_amount(parameters, "sale_amount", "sale_amout", other="revenue"),
        sale_amount_currency=take_optional(parameters, fields.currency, "sale_amount_currency")
        or take_if_valid(parameters, fields.currency, "currency"),
        aggregated_event_value=_take_amount(
            parameters, "aggregated_event_value", "aggregated_value"
        ),
        event_value=take_optional(parameters, fields.event_value, "event_value"),
        click_id=own_fields.click_id,
        device_ids=take_device_ids(parameters),
        parameters=parameters.rest(),
    )
    return ParsedRequest(event, receipt_reply(event), marker=open_marker(event))


def _take_amount(
    parameters: Parameters, name: str, spelling: str, other: str | None = None
) -> str | None:
    """Takes an amount; `other` is Adjust's name for it, and refuses nothing if it is no amount."""
    value = parameters.take(name, spelling)
    if value is None:
        if other is None:
            return None
        value = parameters.get(other)
        exact = take_if_valid(parameters, fields.exact_amount, other)
        if exact is not None and not fields.is_as_sent(exact, value):
            parameters.put_back(other, value)
        return exact
    amount = fields.amount(name, value)
    if fields.has_more_places(value):
        parameters.put_back(name, value)
    return amount


POSTBACK = Dialect(
    name=NAME,
    token_names=TOKEN_NAMES,
    read=read_postback,
    error_reply=error_reply,
    network_token_name="security_token",  # noqa: S106 - the name of a parameter
    read_plain=read_plain_postback,
    plain_credentials=(TOKEN_NAME,),
)
