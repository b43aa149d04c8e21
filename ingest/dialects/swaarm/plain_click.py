"""Reads a usual `/click` or `/impression` of a partner's link in one pass.

What it reads, `read_click` and `read_impression` read alike of a link without a token.
"""

from collections.abc import Mapping

from ingest.client import UNKNOWN_CLIENT
from ingest.dialects.common_fields import TOKEN_NAMES
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.dialects.plain_fields import PlainTable, plain_address, plain_user_agent
from ingest.dialects.swaarm.responses import click_id_reply, click_redirect
from shared import fields
from shared.events import Event, Kind
from shared.ids import click_id_of
from shared.snapshot import NO_TOKEN

_CLICK, _IMPRESSION = Kind.CLICK, Kind.IMPRESSION

TABLE = PlainTable(
    readers={"user_ip": plain_address, "user_ua": plain_user_agent},
    columns={"user_ip": "ip_address", "user_ua": "user_agent"},
    left_out=(),
    unusual=(*TOKEN_NAMES, "no_redirect", "ip_address", "user_agent"),
)


def read_plain_click(values: Mapping[str, str], context: RequestContext) -> ParsedRequest | None:
    """Reads a click that is redirected."""
    event = _read(values, context, _CLICK)
    if event is None or context.link is None:
        return None
    reply, if_lost = click_redirect(context.link.destination, event)
    return ParsedRequest(event, reply, if_lost=if_lost)


def read_plain_impression(
    values: Mapping[str, str], context: RequestContext
) -> ParsedRequest | None:
    """Reads an impression."""
    event = _read(values, context, _IMPRESSION)
    return None if event is None else ParsedRequest(event, click_id_reply(event))


def _read(values: Mapping[str, str], context: RequestContext, kind: Kind) -> Event | None:
    link = context.link
    plain = TABLE.read(values) if link is not None else None
    if link is None or plain is None:
        return None
    taken, device_ids, rest = plain
    client = context.client
    if client is not UNKNOWN_CLIENT:
        header = client.user_agent
        if header is not None and len(header) > fields.USER_AGENT_CHARACTERS_MAX:
            return None
        taken = {"ip_address": client.address, "user_agent": header, **taken}
    return Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=link.app_id,
        token_id=NO_TOKEN,
        environment=context.grant.environment,
        kind=kind,
        endpoint=f"/{kind}",
        user_id="",
        event_id="",
        click_id=click_id_of(context.receipt),
        link_id=link.link_id,
        device_ids=device_ids,
        parameters=rest,
        **taken,
    )
