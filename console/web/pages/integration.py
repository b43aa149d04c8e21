"""The page of the integration check: latest requests, live, and code samples to start from."""

from enum import StrEnum
from typing import TypeVar

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.security.code_samples import CallDialect, Language, event_request, render_sample
from console.security.integration_check import (
    CheckedRequest,
    IntegrationCheck,
    Readiness,
    check_integration,
)
from console.security.token_table import Token
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page
from shared.integration_log import CHECK_SECONDS

REQUESTS_SHOWN_MAX = 30
MINUTES_MAX = CHECK_SECONDS // 60
PERIODS = ((10, "10 minutes"), (60, "1 hour"), (1_440, "1 day"), (MINUTES_MAX, "1 week"))
# The label of each readiness, and the colour of its chip.
READINESS = {
    Readiness.READY: ("Ready", "good"),
    Readiness.UNSEEN: ("Token ready, no traffic yet", "off"),
    Readiness.UNCOVERED: ("No active token has this scope", "warn"),
    Readiness.UNAUTHORIZED: ("Some requests would be refused", "bad"),
}
_Choice = TypeVar("_Choice", bound=StrEnum)


def show(request: PageRequest, app: App) -> Answer:
    minutes = _minutes(request.query.get("minutes", str(MINUTES_MAX)))
    since_ms = request.services.clock() - minutes * 60_000
    result = check_integration(request.resources, app, since_ms)
    language = _choice(Language, request.query.get("language", Language.CURL))
    dialect = _choice(CallDialect, request.query.get("dialect", CallDialect.ADJUST))
    event_types = list_event_types(request.connection, app)
    ingest_url = request.services.settings.ingest_url
    sending = event_request(ingest_url, dialect, app, event_types[0] if event_types else None)
    values = {
        "check": result,
        "minutes": minutes,
        "periods": PERIODS,
        "entries": latest_requests(result),
        "readiness": READINESS,
        "code": render_sample(sending, language),
        "language": language,
        "languages": list(Language),
        "dialect": dialect,
        "dialects": list(CallDialect),
    }
    return Page("integration.html", values)


def latest_requests(result: IntegrationCheck) -> list[tuple[CheckedRequest, Token | None]]:
    """Returns the latest requests of all tokens, newest first, each with its token."""
    entries = [(entry, usage.token) for usage in result.tokens for entry in usage.requests]
    return sorted(entries, key=lambda entry: entry[0].at, reverse=True)[:REQUESTS_SHOWN_MAX]


def _minutes(text: str) -> int:
    """Reads for how many minutes back requests are evaluated. Raises BadRequest."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MINUTES_MAX):
        raise BadRequest(f"minutes must be a whole number from 1 to {MINUTES_MAX}.")
    return int(text)


def _choice(choices: type[_Choice], text: str) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        raise BadRequest(f"{text} is not one of {', '.join(choices)}.") from None
