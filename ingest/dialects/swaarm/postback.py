"""`/postback`: an event of a user, or of whoever a click id stands for.

Swaarm's page asks for `user_id` and `event_id`. Its partners and SDKs send `click_id` instead: the
click stands for its user then, and a call that names no event is the default one, the install.
"""

from ingest.dialects.common_fields import TOKEN_NAMES, opened, optional
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.swaarm.event_fields import ADDRESS, NAME, USER_AGENT, SwaarmFields, event_of
from ingest.dialects.swaarm.responses import accepted, refused
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MissingField
from shared.events import INSTALL, Event

_WHO = (
    "Send user_id and event_id; or click_id, which can stand for the user, and without an event_id "
    "reports the install."
)
_WHAT = "Send the mapping id of the event; or click_id, which without an event_id is an install."
_NUMBERED = "our_event_type_id counts Swaarm's own event types: send the mapping id instead."


def read_postback(parameters: Parameters, reception: RequestContext) -> Event:
    """Raises RequestError for the first field that is missing or malformed."""
    return event_of("/postback", _told(parameters), parameters, reception)


def _told(parameters: Parameters) -> SwaarmFields:
    click_id = optional(parameters, fields.identifier, "click_id")
    user_id = optional(parameters, fields.user_id, "user_id") or click_id
    if user_id is None:
        raise MissingField("user_id", _WHO)
    return SwaarmFields(
        user_id,
        _event_id(parameters, click_id),
        click_id,
        optional(parameters, fields.address, *ADDRESS),
        optional(parameters, fields.user_agent, *USER_AGENT),
    )


def _event_id(parameters: Parameters, click_id: str | None) -> str:
    event_id = optional(parameters, fields.identifier, "event_id")
    if event_id is not None:
        return event_id
    if click_id is None:
        raise MissingField("event_id", _WHAT)
    if parameters.take("our_event_type_id"):
        raise MissingField("event_id", _NUMBERED)
    return INSTALL


def _read(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    event = read_postback(parameters, reception)
    return ParsedRequest(event, accepted(event), mark=opened(event))


POSTBACK = Dialect(NAME, TOKEN_NAMES, _read, refused)
