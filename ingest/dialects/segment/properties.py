"""Reads `properties` or `traits`: what a call says beside, and what it was worth.

They are stored as they were sent. The amount is `revenue`; a completed order that has none has a
`total`, as Segment's own integrations read it.
"""

import re
from typing import NamedTuple

import msgspec

from ingest.dialects.common_fields import take_if_valid, take_money
from ingest.parameters import Parameters
from shared import fields
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed
from shared.placeholders import is_placeholder

_COMPLETED_ORDER = re.compile(
    r"[ _]?(?:order[ _]?completed|completed[ _]?order)[ _]?", re.IGNORECASE
)

_decoder = msgspec.json.Decoder(dict[str, object])


class CallProperties(NamedTuple):
    """The text as it was sent, and the amount and currency in it."""

    text: str | None = None
    amount: str | None = None
    currency: str | None = None


def take_properties(parameters: Parameters, name: str, event_id: str | None) -> CallProperties:
    """Takes them; `event_id` is that of a tracked event, and others are worth nothing.

    Raises MalformedField for an amount or a currency that is none.
    """
    properties = decoded_object(parameters.get(name))
    text = take_if_valid(parameters, fields.event_value, name)
    if properties is None:
        if text:
            parameters.note(name, text, UnreadReason.UNREADABLE)
        return CallProperties(text)
    if event_id is None:
        return CallProperties(text)
    amount_name = "revenue"
    if properties.get(amount_name) is None and _COMPLETED_ORDER.fullmatch(event_id):
        amount_name = "total"
    named = Parameters(
        {
            f"{name}.{part}": _plain_text(properties.get(part)).replace("$", "")
            for part in (amount_name, "currency")
        }
    )
    amount = take_money(named, f"{name}.{amount_name}")
    currency = named.take(f"{name}.currency")
    if currency is not None:
        is_none = is_placeholder(currency)
        currency = None if is_none else fields.currency(f"{name}.currency", currency)
    return CallProperties(text, amount, currency)


def decoded_object(text: str) -> dict[str, object] | None:
    """Returns a JSON object, None for any other text."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # the last: a thousand deep
        return None


def _plain_text(value: object) -> str:
    if isinstance(value, str):
        return trimmed(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return msgspec.json.encode(value).decode() if is_number else ""
