"""Reads a usual `/postback` or `/s2sevent` in one pass: every name in its own spelling, once.

What it reads, `read_postback` and `read_s2sevent` read alike. All other names that these look at
make a request unusual.
"""

from collections.abc import Mapping

from ingest.dialects.common_fields import OTHER_TIMES, TOKEN_NAMES, open_marker
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.dialects.plain_fields import (
    PlainTable,
    plain_address,
    plain_amount,
    plain_currency,
    plain_event_id,
    plain_id,
    plain_time_ms,
    plain_unix_time,
    plain_user_agent,
    plain_user_id,
)
from ingest.dialects.swaarm.responses import receipt_reply
from shared import fields
from shared.events import OPEN, Event, Kind

TOKEN_NAME = "s2s_token"  # noqa: S105 - the name of a parameter

_OPEN, _EVENT = Kind.OPEN, Kind.EVENT

TABLE = PlainTable(
    readers={
        "user_id": plain_user_id,
        "event_id": plain_event_id,
        "event_time": plain_unix_time,
        "idempotency_key": plain_id,
        "ip_address": plain_address,
        "user_agent": plain_user_agent,
        "sale_amount": plain_amount,
        "sale_amount_currency": plain_currency,
        "aggregated_event_value": plain_amount,
        "event_value": fields.event_value,
    },
    left_out=(TOKEN_NAME,),
    unusual=(
        *(TOKEN_NAMES - {TOKEN_NAME}),
        *("security_token", "click_id", "user_ip", "user_ua"),
        *("sale_amout", "revenue", "currency", "aggregated_value", "environment"),
        *OTHER_TIMES,
    ),
)


def read_plain_postback(values: Mapping[str, str], context: RequestContext) -> ParsedRequest | None:
    """Reads a `/postback` that names its user and its event."""
    return _read("/postback", ("user_id", "event_id"), values, context)


def read_plain_s2sevent(values: Mapping[str, str], context: RequestContext) -> ParsedRequest | None:
    """Reads an `/s2sevent` that names its user, its event, an address and a user agent."""
    return _read("/s2sevent", ("user_id", "event_id", "ip_address", "user_agent"), values, context)


def _read(
    endpoint: str, required: tuple[str, ...], values: Mapping[str, str], context: RequestContext
) -> ParsedRequest | None:
    plain = TABLE.read(values)
    if plain is None:
        return None
    taken, device_ids, rest = plain
    for name in required:
        if name not in taken:
            return None
    grant, now_ms, time = context.grant, context.received_at_ms, taken.pop("event_time", None)
    event = Event(
        receipt=context.receipt,
        received_at_ms=now_ms,
        app_id=grant.app_id,
        token_id=grant.token_id,
        environment=grant.environment,
        kind=_OPEN if taken["event_id"] == OPEN else _EVENT,
        endpoint=endpoint,
        event_time_ms=None if time is None else plain_time_ms("event_time", time, now_ms),
        device_ids=device_ids,
        parameters=rest,
        **taken,
    )
    return ParsedRequest(event, receipt_reply(event), marker=open_marker(event))
