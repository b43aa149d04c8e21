"""The integration check of an app, live, and code to begin with."""

from typing import TypeVar

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.security.code_samples import Language, Speech, event_sending, snippet
from console.security.integration_check import Check, CheckedRequest, Readiness, check
from console.security.token_table import Token
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page
from shared.integration_log import CHECK_SECONDS

REQUESTS_SHOWN_MAX = 30
READINESS = {
    Readiness.READY: ("ready", "good"),
    Readiness.UNSEEN: ("covered, nothing was sent", "off"),
    Readiness.UNCOVERED: ("no active token covers it", "warn"),
    Readiness.UNAUTHORIZED: ("would refuse requests", "bad"),
}
_Choice = TypeVar("_Choice", Language, Speech)


def show(request: PageRequest, app: App) -> Answer:
    since_ms = request.services.clock() - CHECK_SECONDS * 1000
    done = check(request.resources, app, since_ms)
    values = {
        "check": done,
        "requests": newest(done),
        "readiness": READINESS,
    }
    return Page("integration.html", {**values, **_code(request, app)})


def newest(done: Check) -> list[tuple[CheckedRequest, Token | None]]:
    """Of all tokens together, with the token of each."""
    requests = [(request, each.token) for each in done.tokens for request in each.requests]
    return sorted(requests, key=lambda pair: pair[0].at, reverse=True)[:REQUESTS_SHOWN_MAX]


def _code(request: PageRequest, app: App) -> dict[str, object]:
    language = _chosen(Language, request.query.get("language", Language.CURL))
    speech = _chosen(Speech, request.query.get("dialect", Speech.ADJUST))
    event_types = list_event_types(request.connection, app)
    first = event_types[0] if event_types else None
    sending = event_sending(request.services.settings.ingest_url, speech, app, first)
    return {
        "code": snippet(sending, language),
        "language": language,
        "languages": list(Language),
        "speech": speech,
        "speeches": list(Speech),
    }


def _chosen(kind: type[_Choice], text: str) -> _Choice:
    try:
        return kind(text)
    except ValueError:
        raise BadRequest("There is no such code.") from None
