"""`/session`: an open. Its answer says whether the device was new, and names it by its adid."""

from ingest.dialects.adjust.event_fields import (
    AdjustFields,
    adid_alone,
    endpoint,
    event_of,
)
from ingest.dialects.adjust.responses import session_answers, session_refused
from ingest.dialects.common_fields import opened
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared.events import OPEN, Kind
from shared.scopes import Scope


def read_session(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    """Raises RequestError for the first field that is missing or malformed."""
    app_token = parameters.require("app_token")
    event = event_of("/session", AdjustFields(Kind.OPEN, OPEN), parameters, reception)
    first, later = session_answers(event, app_token)
    return ParsedRequest(
        event,
        first,
        mark=opened(event),
        if_marked=later,
        adid=adid_alone(event, reception),
    )


SESSION = endpoint(read_session, session_refused, Scope.SESSIONS)
