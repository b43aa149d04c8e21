"""`/s2sevent`: an event of a user, with the address and browser that attribution needs.

An `event_id` that is empty or absent asks to attribute the user now; the example URL on Swaarm's
page has a second, empty one after the first, which means nothing.
"""

from ingest.dialects.common_fields import TOKEN_NAMES, take_optional
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.postback import ADDRESS, NAME, USER_AGENT, SwaarmFields, parse_event
from ingest.dialects.swaarm.responses import error_reply
from ingest.parameters import Parameters
from shared import fields
from shared.events import INSTALL

_ADDRESS = tuple(reversed(ADDRESS))  # this endpoint's own name first
_USER_AGENT = tuple(reversed(USER_AGENT))


def read_s2sevent(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    user_id = fields.user_id("user_id", parameters.require("user_id"))
    ip_address = fields.address("user_ip", parameters.require(*_ADDRESS))
    user_agent = fields.user_agent("user_ua", parameters.require(*_USER_AGENT))
    event_id = take_optional(parameters, fields.identifier, "event_id") or INSTALL
    click_id = take_optional(parameters, fields.identifier, "click_id")
    own_fields = SwaarmFields(user_id, event_id, click_id, ip_address, user_agent)
    return parse_event("/s2sevent", own_fields, parameters, context)


S2SEVENT = Dialect(NAME, TOKEN_NAMES, read_s2sevent, error_reply)
