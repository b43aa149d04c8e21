"""Sends a test event through ingest, with a test token that is revoked as soon as it was sent."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.reports.bounds import moment_of
from console.resources import Resources
from console.security.code_samples import CallDialect, Language, event_request, render_sample
from console.security.new_tokens import NewToken, create_token
from console.security.tokens import revoke_token
from shared.errors import OperatorError
from shared.events import Environment
from shared.ids import new_receipt
from shared.scopes import Scope

ANSWER_SECONDS_MAX = 5.0
PUBLICATION_SECONDS = 0.5  # ingest reads a new token within a second
TRIES_MAX = 5
_TOKEN_LIFETIME = timedelta(minutes=5)  # for when the console dies before it revokes it
_UNAUTHORIZED = 401


@dataclass(frozen=True)
class FormAnswer:
    """The answer of ingest: its status and the receipt ID, None if the event was refused."""

    status: int
    receipt: UUID | None


PostForm = Callable[[str, Mapping[str, str], str], FormAnswer]


@dataclass(frozen=True)
class SampleEvent:
    """A test event that ingest has accepted, in the sandbox."""

    receipt: UUID
    user_id: str
    event_id: str
    environment: str = Environment.SANDBOX


def post_form(url: str, fields: Mapping[str, str], token: str) -> FormAnswer:
    """Sends a form with a token. Raises OSError and HTTPException."""
    parts = urlsplit(url)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connection_class(parts.netloc, timeout=ANSWER_SECONDS_MAX)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        connection.request("POST", parts.path, urlencode(fields), headers)
        response = connection.getresponse()
        receipt = response.headers.get("Waybill-Receipt")
        return FormAnswer(response.status, UUID(receipt) if receipt else None)
    finally:
        connection.close()


@dataclass(frozen=True)
class IngestCaller:
    """The way to ingest at the address `base`."""

    base: str
    post: PostForm = post_form
    pause: Callable[[float], None] = time.sleep


def send_sample_event(
    resources: Resources, actor: Actor, app: App, ingest: IngestCaller, now_ms: int
) -> SampleEvent:
    """Sends an event of the app's first type, or an open, to ingest.

    Raises OperatorError when ingest cannot be reached or refuses it, and NotAllowed for a viewer.
    """
    require_admin(actor)
    mark = new_receipt(now_ms)
    event_types = list_event_types(resources.connection, app)
    event_type = event_types[0] if event_types else None
    request = event_request(ingest.base, CallDialect.SWAARM, app, event_type)
    fields = {**request.fields, "user_id": f"test-{mark}"}
    expires_at = moment_of(now_ms) + _TOKEN_LIFETIME
    new = NewToken(f"Test event {mark}", (Scope.EVENTS, Scope.SESSIONS), True, expires_at)
    issued = create_token(resources, actor, app, new)
    try:
        for _ in range(TRIES_MAX):
            ingest.pause(PUBLICATION_SECONDS)
            answer = ingest.post(request.url, fields, issued.secret)
            if answer.status != _UNAUTHORIZED:
                break
    except (OSError, HTTPException):
        code = render_sample(request, Language.CURL)
        raise OperatorError(
            f"The console does not reach ingest at {ingest.base}. Check WAYBILL_INGEST_URL, or "
            f"send the event from elsewhere, with a token of this app: {code}"
        ) from None
    finally:
        revoke_token(resources, actor, app, new.name)
    if answer.receipt is None:
        raise OperatorError(
            f"Ingest refused the test event ({answer.status}). The Integration page shows why."
        )
    return SampleEvent(answer.receipt, fields["user_id"], fields["event_id"])
