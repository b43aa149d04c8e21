"""The documented calls against a running Waybill: send, follow, compare."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit
from uuid import UUID

from console.actor import Actor, Role
from console.apps.apps import create_app
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.demo import calls
from console.demo.calls import DemoCall, ExpectedRow
from console.event_records import EventRecord
from console.lookup.trace import State, Trace, trace
from console.resources import Resources
from console.security.tokens import NewToken, import_token
from shared.errors import OperatorError

_ANSWER_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.05
_ACTOR = Actor("demo", Role.ADMIN)


@dataclass(frozen=True)
class Answer:
    """`receipt` is None unless the call was accepted."""

    status: int
    body: str
    receipt: UUID | None


@dataclass(frozen=True)
class Outcome:
    """A call, its answer, and where its event was when it was last asked for."""

    call: DemoCall
    answer: Answer
    trace: Trace | None

    @property
    def as_documented(self) -> bool:
        return self.answer.status == self.call.status and row_of(self.trace) == self.call.row


@dataclass(frozen=True)
class Played:
    """A whole demo: until ingest was ready, and from the first call until the last row."""

    outcomes: tuple[Outcome, ...]
    start_seconds: float
    calls_seconds: float

    @property
    def as_documented(self) -> bool:
        return all(outcome.as_documented for outcome in self.outcomes)


def furnish(resources: Resources) -> None:
    """The app, token, event types and link that the calls speak of."""
    app = create_app(resources, _ACTOR, calls.APP)
    import_token(resources, _ACTOR, app, NewToken(calls.TOKEN_NAME), calls.TOKEN)
    for mapping_id, name in calls.EVENT_TYPES:
        create_event_type(resources, _ACTOR, app, NewEventType(mapping_id, name))
    link = NewLink(calls.PARTNER, calls.LINK, calls.DESTINATION, "1", "1")
    create_link(resources, _ACTOR, app, link)


def send(url: str, call: DemoCall) -> Answer:
    """Send it as it is written. Raises OperatorError when nobody answers."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_ANSWER_SECONDS_MAX)
    try:
        connection.request(call.method, call.target, headers=dict(call.headers))
        response = connection.getresponse()
        return _answer(response)
    except (OSError, HTTPException) as fault:
        raise OperatorError(f"Ingest did not answer ({type(fault).__name__}).") from fault
    finally:
        connection.close()


def follow(
    resources: Resources,
    answers: Sequence[tuple[DemoCall, Answer]],
    meanwhile: Callable[[], None],
    seconds_max: float,
) -> list[Outcome]:
    """Trace every receipt until all are out of the inbox, or `seconds_max` have passed."""
    deadline = time.monotonic() + seconds_max
    while True:
        meanwhile()
        outcomes = [
            Outcome(call, answer, _trace(resources, answer.receipt)) for call, answer in answers
        ]
        waits = any(outcome.trace and outcome.trace.state is State.QUEUED for outcome in outcomes)
        if not waits or time.monotonic() > deadline:
            return outcomes
        time.sleep(_POLL_SECONDS)


def row_of(found: Trace | None) -> ExpectedRow | None:
    """The row as far as a call foresees it; None when there is no row with an event type."""
    event = found.event if found and found.state is State.RECORDED else None
    return None if event is None or event.unmapped else _row(event)


def _row(event: EventRecord) -> ExpectedRow:
    return ExpectedRow(event.user_id, event.event_id, event.sale_amount)


def _answer(response: HTTPResponse) -> Answer:
    """Of a redirect, the address that it leads to stands where others have their body."""
    receipt = response.headers.get("Waybill-Receipt")
    body = response.headers.get("Location") or response.read().decode(errors="replace")
    return Answer(response.status, body, UUID(receipt) if receipt else None)


def _trace(resources: Resources, receipt: UUID | None) -> Trace | None:
    if receipt is None:
        return None
    return trace(resources.connection, resources.redis, receipt)
