"""Reads a usual `/event`, `/session` or `/ad_revenue` in one pass: every name in its own spelling.

What it reads, the endpoints read alike. The device is named by an ID of its own, so that nothing
has to be looked up, and the time is `created_at_unix`, as Adjust recommends.
"""

from collections.abc import Mapping

from ingest.dialects.adjust.described_device import browser_user_agent
from ingest.dialects.adjust.responses import duplicate_reply, ok_reply, session_replies
from ingest.dialects.common_fields import TOKEN_NAMES, open_marker
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.dialects.plain_fields import (
    PlainFields,
    PlainReader,
    PlainTable,
    first_device_id,
    plain_address,
    plain_amount,
    plain_currency,
    plain_id,
    plain_never,
    plain_object,
    plain_time_ms,
    plain_unix_time,
    plain_user_agent,
)
from shared import events, fields
from shared.device_ids import user_id_by
from shared.events import OPEN, Environment, Event, Kind
from shared.names.invisible import trimmed
from shared.seen import unique_marker

CREDENTIALS = ("app_token", "s2s_token")

EVENT_AMOUNT_MIN = "0.001"
_EVENT, _OPEN, _AD_REVENUE = Kind.EVENT, Kind.OPEN, Kind.AD_REVENUE
_SANDBOX = Environment.SANDBOX
_ENVIRONMENTS = {str(known): known for known in Environment}


def plain_environment(_name: str, value: str) -> str | None:
    """Reads an environment by its own name."""
    return value if value in _ENVIRONMENTS else None


def plain_text(_name: str, value: str) -> str:
    """Reads what is looked up as it is."""
    return value


_COMMON: Mapping[str, PlainReader] = {
    "environment": plain_environment,
    "created_at_unix": plain_unix_time,
    "idempotency_key": plain_id,
    "ip_address": plain_address,
    "user_agent": plain_user_agent,
    "aggregated_event_value": plain_amount,
    "event_value": fields.event_value,
    "adid": plain_never,
}
_KEPT: Mapping[str, PlainReader] = {"callback_params": plain_object, "partner_params": plain_object}
_LEFT_OUT = (*CREDENTIALS, "s2s")
_UNUSUAL = (
    *(TOKEN_NAMES - {"s2s_token"}),
    *("created_at", "event_time", "user_ip", "user_ua", "aggregated_value"),
)
_MONEY: Mapping[str, PlainReader] = {"revenue": plain_amount, "currency": plain_currency}
_COLUMNS = {
    "revenue": "sale_amount",
    "currency": "sale_amount_currency",
    "ad_revenue_network": "ad_network",
    "ad_revenue_unit": "ad_unit",
    "ad_revenue_placement": "ad_placement",
}
_UNUSUAL_MONEY = ("amount", "sale_amount", "sale_amout", "sale_amount_currency")

EVENTS = PlainTable(
    readers={**_COMMON, **_MONEY},
    left_out=_LEFT_OUT,
    unusual=(*_UNUSUAL, *_UNUSUAL_MONEY),
    kept={**_KEPT, "event_token": plain_text},
    columns=_COLUMNS,
)
SESSIONS = PlainTable(readers=_COMMON, left_out=_LEFT_OUT, unusual=_UNUSUAL, kept=_KEPT)
AD_REVENUES = PlainTable(
    readers={
        **_COMMON,
        **_MONEY,
        "ad_revenue_network": fields.identifier,
        "ad_revenue_unit": fields.identifier,
        "ad_revenue_placement": fields.identifier,
        "ad_impressions_count": plain_text,
    },
    left_out=_LEFT_OUT,
    unusual=(*_UNUSUAL, *_UNUSUAL_MONEY),
    kept=_KEPT,
    columns=_COLUMNS,
)


def read_plain_event(values: Mapping[str, str], context: RequestContext) -> ParsedRequest | None:
    """Reads an `/event` of a type that the app has."""
    app, plain = context.app, EVENTS.read(values)
    if plain is None or app is None or app.adjust_refusals or not plain[1]:
        return None
    event_type = app.event_types.get(values.get("event_token", ""))
    revenue = plain[0].get("sale_amount")
    if event_type is None or (
        revenue is not None and revenue[0] in "-0" and fields.is_less(revenue, EVENT_AMOUNT_MIN)
    ):
        return None
    event = _event("/event", _EVENT, event_type.mapping_id, plain, context)
    if not event_type.is_unique:
        return ParsedRequest(event, ok_reply(event))
    marker = unique_marker(event.app_id, event.environment, event_type.id, event.user_id)
    return ParsedRequest(event, ok_reply(event), marker=marker, if_seen=duplicate_reply(event))


def read_plain_session(values: Mapping[str, str], context: RequestContext) -> ParsedRequest | None:
    """Reads a `/session`."""
    plain = SESSIONS.read(values)
    if plain is None or not plain[1]:
        return None
    event = _event("/session", _OPEN, OPEN, plain, context)
    first, later = session_replies(event, trimmed(values["app_token"]))
    return ParsedRequest(event, first, marker=open_marker(event), if_seen=later)


def read_plain_ad_revenue(
    values: Mapping[str, str], context: RequestContext
) -> ParsedRequest | None:
    """Reads an `/ad_revenue`."""
    app, plain = context.app, AD_REVENUES.read(values)
    if plain is None or app is None or app.adjust_refusals or not plain[1]:
        return None
    taken = plain[0]
    for name in ("sale_amount", "sale_amount_currency", "ad_impressions_count"):
        if name not in taken:
            return None
    if taken["sale_amount"][0] == "-":
        return None
    event = _event("/ad_revenue", _AD_REVENUE, events.AD_REVENUE, plain, context)
    return ParsedRequest(event, ok_reply(event))


def _event(
    endpoint: str, kind: Kind, event_id: str, plain: PlainFields, context: RequestContext
) -> Event:
    taken, device_ids, rest = plain
    grant, now_ms, take = context.grant, context.received_at_ms, taken.pop
    primary, environment = first_device_id(device_ids), grant.environment
    named, time = take("environment", "production"), take("created_at_unix", None)
    impressions = take("ad_impressions_count", None)
    return Event(
        receipt=context.receipt,
        received_at_ms=now_ms,
        app_id=grant.app_id,
        token_id=grant.token_id,
        environment=_ENVIRONMENTS[named] if environment is not _SANDBOX else environment,
        kind=kind,
        endpoint=endpoint,
        user_id=user_id_by(primary, device_ids[primary]),
        event_id=event_id,
        event_time_ms=None if time is None else plain_time_ms("created_at_unix", time, now_ms),
        device_ids=device_ids,
        parameters=rest,
        ad_impressions=None
        if impressions is None
        else fields.count("ad_impressions_count", impressions),
        described_device=browser_user_agent(rest) if "os_version" in rest else None,
        **taken,
    )
