"""`/click` and `/impression`: somebody followed or saw an advertisement for an app.

A partner's link (`offer_id`, `pub_id`) needs no token; a server's call has one, and describes its
visitor in `user_ip` and `user_ua`. Without those the caller is the visitor. A person who clicks is
redirected to the link's destination whatever else the link carries: what cannot be read is kept as
it was sent, and proves nothing. A server that asks for the click id alone, or that has no link, is
told about its mistake.
"""

from ingest.dialects.common_fields import (
    TOKEN_NAMES,
    take_address,
    take_device_ids,
    take_event_time,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext, is_yes
from ingest.dialects.swaarm.plain_click import read_plain_click, read_plain_impression
from ingest.dialects.swaarm.postback import ADDRESS, NAME, USER_AGENT
from ingest.dialects.swaarm.responses import click_id_reply, click_redirect, error_reply
from ingest.parameters import Parameters
from shared import fields
from shared.destinations import MACROS
from shared.device_ids import PRIMARY_ORDER
from shared.errors import MissingField
from shared.events import Event, Kind
from shared.ids import click_id_of
from shared.snapshot import NO_TOKEN

LINK_NAMES = ("offer_id", "pub_id")
_NO_REDIRECT = "no_redirect"

_ADDRESS = tuple(reversed(ADDRESS))  # these endpoints' own name first
_USER_AGENT = tuple(reversed(USER_AGENT))
_NO_DESTINATION = (
    "Send offer_id and pub_id of a link, for there is nowhere to send anybody without one; or "
    "no_redirect=true to get the click id alone."
)


def read_click(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a click, which is answered with a redirect or, where that is asked for, its id.

    The person is redirected even if the click is lost; a receipt is only given for what is stored.
    """
    if _wants_id(parameters):
        return read_click_id(parameters, context)
    event = build_click(parameters, context)
    if context.link is None:
        raise MissingField("offer_id", _NO_DESTINATION)
    reply, if_lost = click_redirect(context.link.destination, event)
    return ParsedRequest(event, reply, if_lost=if_lost)


def read_click_id(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a click of a batch, which redirects nobody."""
    event = build_click(parameters, context)
    return ParsedRequest(event, click_id_reply(event))


def read_impression(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads an impression, which redirects nobody."""
    event = build_click(parameters, context, Kind.IMPRESSION)
    return ParsedRequest(event, click_id_reply(event))


def build_click(parameters: Parameters, context: RequestContext, kind: Kind = Kind.CLICK) -> Event:
    """Builds the event; all documented parameters stay, but device ids, address and user agent.

    Raises RequestError for a malformed field in a call that has a token and redirects nobody.
    """
    is_strangers = context.grant.token_id == NO_TOKEN or context.grant.sdk
    forgiving = is_strangers or (context.link is not None and not _wants_id(parameters))
    if context.link is None and (source := parameters.get("site")):
        fields.source_name("site", source)
    # What a server says of its visitor stands, even if it is a placeholder: its own is another's.
    address, header = context.client.address, context.client.user_agent
    if not forgiving:
        address = None if any(map(parameters.get, _ADDRESS)) else address
        header = None if any(map(parameters.get, _USER_AGENT)) else header
    if header is not None and len(header) > fields.USER_AGENT_CHARACTERS_MAX:
        header = None  # a header that is longer than a user agent may be is none
    return Event(
        receipt=context.receipt,
        received_at_ms=context.received_at_ms,
        app_id=context.grant.app_id,
        token_id=context.grant.token_id,
        environment=context.grant.environment,
        kind=kind,
        endpoint=f"/{kind}",
        user_id="",
        event_id="",
        # A stranger's word on when they clicked would be worth money.
        event_time_ms=None
        if is_strangers
        else take_event_time(parameters, context, forgiving=forgiving),
        ip_address=take_address(parameters, *_ADDRESS, forgiving=forgiving) or address,
        user_agent=take_user_agent(parameters, *_USER_AGENT, forgiving=forgiving) or header,
        click_id=click_id_of(context.receipt),
        link_id=context.link.link_id if context.link else None,
        device_ids=take_device_ids(parameters, forgiving=forgiving),
        parameters=parameters.rest(),
    )


def _wants_id(parameters: Parameters) -> bool:
    """Tells whether a click's id is asked for instead of a redirect, as only programs do."""
    return is_yes(parameters.get(_NO_REDIRECT))


# Where a link has more parameters than are kept, these are the ones that a click is worth most by.
_KEPT_FIRST = (
    *(*LINK_NAMES, *sorted(TOKEN_NAMES), _NO_REDIRECT, *_ADDRESS, *_USER_AGENT, *PRIMARY_ORDER),
    *sorted(MACROS.values()),
)
_RANKS = {name.encode(): rank for rank, name in enumerate(dict.fromkeys(_KEPT_FIRST))}

CLICK, IMPRESSION = (
    Dialect(
        name=NAME,
        token_names=TOKEN_NAMES,
        read=read,
        read_plain=read_plain,
        plain_credentials=LINK_NAMES,
        error_reply=error_reply,
        link_names=LINK_NAMES,
        no_redirect_name=_NO_REDIRECT,
        kept_first=_RANKS,
    )
    for read, read_plain in (
        (read_click, read_plain_click),
        (read_impression, read_plain_impression),
    )
)
