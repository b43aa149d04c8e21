"""Reads `eventValue`, in which AppsFlyer's senders say what an event was worth.

It is a JSON object as a text, an object, or empty. One that is no object is kept as it was sent.
"""

from typing import NamedTuple

import msgspec

from ingest.dialects.common_fields import take_if_valid, take_money
from ingest.parameters import Parameters
from shared import fields
from shared.names.invisible import trimmed
from shared.placeholders import is_placeholder

REVENUE, CURRENCY = "af_revenue", "af_currency"

_decoder = msgspec.json.Decoder(dict[str, object])


class EventValue(NamedTuple):
    """The text as it was sent, and the amount and currency in it."""

    text: str | None = None
    amount: str | None = None
    currency: str | None = None


def take_event_value(parameters: Parameters) -> EventValue:
    """Takes it. Raises MalformedField for one that is too long or an amount that is none."""
    text = take_if_valid(parameters, fields.event_value, "eventValue")
    if text is None or not trimmed(text):
        return EventValue()
    try:
        told = _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):  # the latter: a thousand deep
        return EventValue(text)
    named = Parameters({name: _text(told.get(name)) for name in (REVENUE, CURRENCY)})
    currency = named.take(CURRENCY)
    return EventValue(
        text,
        take_money(named, REVENUE),
        None
        if currency is None or is_placeholder(currency)
        else fields.currency(CURRENCY, currency),
    )


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool() | None:
            return ""
        case int() | float():
            return msgspec.json.encode(value).decode()
        case _:
            return ""
