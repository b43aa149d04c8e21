"""`/s2sevent`: an event of a user, with the address and browser that attribution needs.

An `event_id` that is empty or absent asks to attribute the user now; the page's own address has a
second, empty one behind the first, which says nothing.
"""

from ingest.dialects.common_fields import TOKEN_NAMES, opened, optional
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.event_fields import ADDRESS, NAME, USER_AGENT, SwaarmFields, event_of
from ingest.dialects.swaarm.responses import accepted, refused
from ingest.parameters import Parameters
from shared import fields
from shared.events import INSTALL, Event

_ADDRESS = tuple(reversed(ADDRESS))  # this endpoint's own name first
_USER_AGENT = tuple(reversed(USER_AGENT))


def read_s2sevent(parameters: Parameters, reception: RequestContext) -> Event:
    """Raises RequestError for the first field that is missing or malformed."""
    user_id = fields.user_id("user_id", parameters.require("user_id"))
    ip_address = fields.address("user_ip", parameters.require(*_ADDRESS))
    user_agent = fields.user_agent("user_ua", parameters.require(*_USER_AGENT))
    told = SwaarmFields(
        user_id,
        optional(parameters, fields.identifier, "event_id") or INSTALL,
        optional(parameters, fields.identifier, "click_id"),
        ip_address,
        user_agent,
    )
    return event_of("/s2sevent", told, parameters, reception)


def _read(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    event = read_s2sevent(parameters, reception)
    return ParsedRequest(event, accepted(event), mark=opened(event))


S2SEVENT = Dialect(NAME, TOKEN_NAMES, _read, refused)
