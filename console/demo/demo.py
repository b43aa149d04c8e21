"""Sends the documented calls to a running Waybill, traces their events and compares the results."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit
from uuid import UUID

from console.actor import Actor, Role
from console.apps.apps import create_app
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.delivery.partner_trial import PartnerTrial
from console.demo import calls
from console.demo.calls import DemoCall, ExpectedRow
from console.lookup.trace import Trace, TraceState, trace
from console.resources import Resources
from console.security.new_tokens import NewToken, import_token
from shared.errors import OperatorError

_ANSWER_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.05
_ACTOR = Actor("demo", Role.ADMIN)


@dataclass(frozen=True)
class Answer:
    """The answer of ingest to a call. `receipt` is None unless the call was accepted."""

    status: int
    body: str
    receipt: UUID | None


@dataclass(frozen=True)
class Outcome:
    """A call, its answer, and the last known state of its event."""

    call: DemoCall
    answer: Answer
    trace: Trace | None

    @property
    def as_documented(self) -> bool:
        return self.answer.status == self.call.status and row_of(self.trace) == self.call.row


@dataclass(frozen=True)
class PartnerCallback:
    """The callback of a conversion: the requests that the partner received, and their trial."""

    received: tuple[str, ...]
    trial: PartnerTrial

    @property
    def is_delivered(self) -> bool:
        """Tells whether the partner received the conversion, and the log says so."""
        states = {each.state for each in self.trial.deliveries}
        return bool(self.received) and states == {"delivered"}


@dataclass(frozen=True)
class DemoRun:
    """The outcome of a whole demo.

    `start_seconds` is the time until ingest was ready, `calls_seconds` the time from the first call
    until the last row.
    """

    outcomes: tuple[Outcome, ...]
    start_seconds: float
    calls_seconds: float
    callback: PartnerCallback

    @property
    def as_documented(self) -> bool:
        is_answered = all(outcome.as_documented for outcome in self.outcomes)
        return is_answered and self.callback.is_delivered


def create_demo_app(resources: Resources) -> None:
    """Creates the app, token, event types and link that the calls refer to."""
    app = create_app(resources, _ACTOR, calls.APP)
    import_token(resources, _ACTOR, app, NewToken(calls.TOKEN_NAME), calls.TOKEN)
    for mapping_id, name in calls.EVENT_TYPES:
        create_event_type(resources, _ACTOR, app, NewEventType(mapping_id, name))
    link = NewLink(calls.PARTNER, calls.LINK, calls.DESTINATION, "1", "1")
    create_link(resources, _ACTOR, app, link)


def send(url: str, call: DemoCall) -> Answer:
    """Sends a call byte for byte. Raises OperatorError when ingest does not answer.

    The body of a redirect's answer is the address that it leads to.
    """
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_ANSWER_SECONDS_MAX)
    try:
        connection.request(call.method, call.target, headers=dict(call.headers))
        response = connection.getresponse()
        receipt = response.headers.get("Waybill-Receipt")
        body = response.headers.get("Location") or response.read().decode(errors="replace")
        return Answer(response.status, body, UUID(receipt) if receipt else None)
    except (OSError, HTTPException) as error:
        raise OperatorError(f"Ingest did not answer ({type(error).__name__}).") from error
    finally:
        connection.close()


def await_rows(
    resources: Resources,
    answers: Sequence[tuple[DemoCall, Answer]],
    meanwhile: Callable[[], None],
    seconds_max: float,
) -> list[Outcome]:
    """Traces every receipt until all have left the inbox or `seconds_max` have passed."""

    def trace_of(receipt: UUID | None) -> Trace | None:
        return trace(resources.connection, resources.redis, receipt) if receipt else None

    deadline = time.monotonic() + seconds_max
    while True:
        meanwhile()
        outcomes = [Outcome(call, answer, trace_of(answer.receipt)) for call, answer in answers]
        is_queued = any(
            outcome.trace and outcome.trace.state is TraceState.QUEUED for outcome in outcomes
        )
        if not is_queued or time.monotonic() > deadline:
            return outcomes
        time.sleep(_POLL_SECONDS)


def row_of(event_trace: Trace | None) -> ExpectedRow | None:
    """Returns the expected columns of a row, or None when there is no row with an event type."""
    event = event_trace.event if event_trace and event_trace.state is TraceState.RECORDED else None
    if event is None or event.unmapped:
        return None
    return ExpectedRow(event.user_id, event.event_id, event.sale_amount)
