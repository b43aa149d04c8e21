"""`/session`: an open. Its answer says whether the device was new, and names it by its adid."""

from ingest.dialects.adjust.event_fields import (
    AdjustFields,
    adjust_dialect,
    build_event,
    sole_adid,
)
from ingest.dialects.adjust.plain_event import read_plain_session
from ingest.dialects.adjust.responses import session_error_reply, session_replies
from ingest.dialects.common_fields import open_marker
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared.events import OPEN, Kind
from shared.names.invisible import trimmed
from shared.scopes import Scope


def read_session(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    app_token = trimmed(parameters.require("app_token"))
    event = build_event("/session", AdjustFields(Kind.OPEN, OPEN), parameters, context)
    first, later = session_replies(event, app_token)
    return ParsedRequest(
        event, first, marker=open_marker(event), if_seen=later, adid=sole_adid(event, context)
    )


SESSION = adjust_dialect(read_session, session_error_reply, Scope.SESSIONS, read_plain_session)
