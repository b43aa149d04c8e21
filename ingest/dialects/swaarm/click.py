"""`/click` and `/impression`: somebody was shown the way to an app.

A partner's link (`offer_id`, `pub_id`) needs no token; a server's call has one, and tells of its
visitor in `user_ip` and `user_ua`. Without those it is the visitor who calls. A person who clicks
is sent on to the link's destination whatever else the link carries: what cannot be read is kept as
it was sent, and proves nothing. A server is told of its mistake.
"""

from ingest.dialects.common_fields import TOKEN_NAMES, legible, optional
from ingest.dialects.device_ids import take_device_ids
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.event_fields import ADDRESS, NAME, USER_AGENT, take_event_time
from ingest.dialects.swaarm.responses import click_id_answer, refused, sent_on
from ingest.parameters import Parameters
from shared import fields
from shared.destinations import address_for
from shared.errors import MissingField
from shared.events import Event, Kind
from shared.ids import click_id_of
from shared.snapshot import NO_TOKEN, KnownLink

LINK_NAMES = ("offer_id", "pub_id")

_ADDRESS = tuple(reversed(ADDRESS))  # these endpoints' own name first
_USER_AGENT = tuple(reversed(USER_AGENT))
_YES = frozenset({"true", "1"})
_NOWHERE = (
    "Send offer_id and pub_id of a link, for there is nowhere to send anybody without one; or "
    "no_redirect=true to get the click id alone."
)


def read_click(parameters: Parameters, reception: RequestContext, kind: Kind = Kind.CLICK) -> Event:
    """Everything documented stays in `parameters`, but device ids, address and user agent.

    Raises RequestError for a malformed field in a call with a token.
    """
    forgiving = reception.grant.token_id == NO_TOKEN
    visitor, told = reception.visitor, legible if forgiving else optional
    return Event(
        receipt=reception.receipt,
        received_at_ms=reception.received_at_ms,
        app_id=reception.grant.app_id,
        token_id=reception.grant.token_id,
        environment=reception.grant.environment,
        kind=kind,
        endpoint=f"/{kind}",
        user_id="",
        event_id="",
        # A stranger's word on when they clicked would be worth money.
        event_time_ms=None if forgiving else take_event_time(parameters, reception),
        ip_address=told(parameters, fields.address, *_ADDRESS) or visitor.address,
        user_agent=told(parameters, fields.user_agent, *_USER_AGENT)
        or _legible(visitor.user_agent),
        click_id=click_id_of(reception.receipt),
        link_id=reception.link.link_id if reception.link else None,
        device_ids=take_device_ids(parameters, forgiving=forgiving),
        parameters=parameters.rest(),
    )


def _legible(user_agent: str | None) -> str | None:
    """A header that is longer than a user agent may be is none."""
    if user_agent is None or len(user_agent) > fields.USER_AGENT_CHARACTERS_MAX:
        return None
    return user_agent


def _click(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    event = read_click(parameters, reception)
    if event.parameters.get("no_redirect", "").lower() in _YES:
        return ParsedRequest(event, click_id_answer(event))
    if reception.link is None:
        raise MissingField("offer_id", _NOWHERE)
    return _redirect(event, reception.link)


def _redirect(event: Event, link: KnownLink) -> ParsedRequest:
    """The person goes on even if the click is lost; a receipt is only given for what is kept."""
    address = address_for(link.destination, _macro_values(event))
    return ParsedRequest(event, sent_on(address, str(event.receipt)), if_lost=sent_on(address))


def _macro_values(event: Event) -> dict[str, str]:
    return {
        **event.parameters,
        **event.device_ids,
        "click_id": event.click_id or "",
        "user_ip": event.ip_address or "",
        "user_ua": event.user_agent or "",
    }


def _impression(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    """Nobody is sent anywhere by a view."""
    event = read_click(parameters, reception, Kind.IMPRESSION)
    return ParsedRequest(event, click_id_answer(event))


CLICK = Dialect(NAME, TOKEN_NAMES, _click, refused, LINK_NAMES)
IMPRESSION = Dialect(NAME, TOKEN_NAMES, _impression, refused, LINK_NAMES)
