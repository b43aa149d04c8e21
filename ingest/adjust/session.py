"""`/session`: an open. Its answer says whether the device was new, and names it by its adid."""

from ingest.adjust.answers import session_answers, session_refused
from ingest.adjust.told import (
    ADDRESS_HEADER,
    NAME,
    PARAMETERS_MAX,
    REQUEST_BYTES_MAX,
    Told,
    adid_alone,
    event_of,
)
from ingest.dialect import Dialect, Reading, Reception
from ingest.parameters import Parameters
from ingest.told import TOKEN_NAMES, opened
from shared.events import OPEN, Kind
from shared.scopes import Scope


def read_session(parameters: Parameters, reception: Reception) -> Reading:
    """Raises RequestError for the first field that is missing or malformed."""
    app_token = parameters.require("app_token")
    event = event_of("/session", Told(Kind.OPEN, OPEN), parameters, reception)
    first, later = session_answers(event, app_token)
    return Reading(
        event,
        first,
        mark=opened(event),
        if_marked=later,
        adid=adid_alone(event, reception),
    )


SESSION = Dialect(
    NAME,
    TOKEN_NAMES,
    read_session,
    session_refused,
    app_scope=Scope.SESSIONS,
    address_header=ADDRESS_HEADER,
    request_bytes_max=REQUEST_BYTES_MAX,
    parameters_max=PARAMETERS_MAX,
)
