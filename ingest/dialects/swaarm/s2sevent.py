"""`/s2sevent`: an event of a user, with the address and browser that attribution needs.

An `event_id` that is empty or absent asks to attribute the user now; the example URL on Swaarm's
page has a second, empty one after the first, which means nothing.
"""

from ingest.dialects.common_fields import (
    TOKEN_NAMES,
    take_address,
    take_id,
    take_optional,
    take_user_agent,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.plain_event import TOKEN_NAME, read_plain_s2sevent
from ingest.dialects.swaarm.postback import (
    ADDRESS,
    NAME,
    USER_AGENT,
    SwaarmFields,
    no_user,
    parse_event,
)
from ingest.dialects.swaarm.responses import error_reply
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MissingField
from shared.events import INSTALL

_ADDRESS = tuple(reversed(ADDRESS))  # this endpoint's own name first
_USER_AGENT = tuple(reversed(USER_AGENT))


def read_s2sevent(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    user_id = take_id(parameters, fields.user_id, "user_id")
    if user_id is None:
        raise no_user(parameters)
    for names in (_ADDRESS, _USER_AGENT):  # sent they have to be; a placeholder loses no event
        if not any(map(parameters.get, names)):
            raise MissingField(names[0])
    ip_address = take_address(parameters, *_ADDRESS)
    user_agent = take_user_agent(parameters, *_USER_AGENT)
    event_id = take_optional(parameters, fields.identifier, "event_id") or INSTALL
    click_id = take_id(parameters, fields.user_id, "click_id")
    own_fields = SwaarmFields(user_id, event_id, click_id, ip_address, user_agent)
    return parse_event("/s2sevent", own_fields, parameters, context)


S2SEVENT = Dialect(
    name=NAME,
    token_names=TOKEN_NAMES,
    read=read_s2sevent,
    error_reply=error_reply,
    read_plain=read_plain_s2sevent,
    plain_credentials=(TOKEN_NAME,),
)
