"""Tries an endpoint: fills its macros, sends the request and shows what came back."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from console.actor import Actor, require_admin
from console.delivery.endpoint_signing import read_signing
from console.delivery.endpoints import EndpointRow
from console.resources import Resources
from console.trials import one_trial
from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, AttemptResult, attempt
from shared.callbacks.carried_urls import carried_url
from shared.callbacks.consent import is_consent_denied, shareable_facts
from shared.callbacks.conversion_facts import SAMPLE, ConversionFacts, load_facts
from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.masking import masked_url
from shared.callbacks.requests import CallbackEndpoint, build_request
from shared.callbacks.sharing import unshared_callbacks
from shared.clock import Clock
from shared.database import run
from shared.errors import OperatorError
from shared.settings import Settings


@dataclass(frozen=True)
class CallbackPreview:
    """A request that would be sent; `is_sample`: there is no real conversion to fill it in."""

    method: str
    url: str
    body: str
    is_sample: bool


@dataclass(frozen=True)
class CallbackTest:
    """A request that was sent and what came back; `status` is None without an answer."""

    preview: CallbackPreview
    delivered: bool
    outcome: str
    status: int | None
    took_ms: int
    answer: str


_LAST = """
    SELECT id FROM callbacks
    WHERE endpoint_id = %s AND (id = %s OR %s::uuid IS NULL AND activity = ANY(%s))
    ORDER BY created_at DESC LIMIT 1
"""


def preview_request(
    resources: Resources, endpoint: EndpointRow, now: Clock, callback_id: UUID | None = None
) -> CallbackPreview:
    """Fills in an endpoint's URL with this callback, its last one, or a sample.

    Raises OperatorError where each click brings the URL and none is known.
    """
    request, is_sample = _request(resources, endpoint, now, callback_id)
    return _shown(request, is_sample)


def send_test(
    resources: Resources,
    actor: Actor,
    settings: Settings,
    endpoint: EndpointRow,
    now: Clock,
    callback_id: UUID | None = None,
) -> CallbackTest:
    """Sends one request now, whether the endpoint is paused or not.

    Raises NotAllowed, and OperatorError if too many tests are sent at once.
    It is no delivery: nothing is counted, and its id is that of the callback it repeats.
    """
    require_admin(actor)
    request, is_sample = _request(resources, endpoint, now, callback_id)
    began = time.monotonic()
    with one_trial():
        result = asyncio.run(_sent(settings, request, endpoint.answer_contains))
    took_ms = round((time.monotonic() - began) * 1000)
    return CallbackTest(
        _shown(request, is_sample),
        result.is_delivered,
        result.outcome,
        result.status,
        took_ms,
        result.answer,
    )


async def _sent(
    settings: Settings, request: HttpRequest, answer_contains: str | None
) -> AttemptResult:
    client = HttpClient(guard_of(settings))
    try:
        return await attempt(client, request, answer_contains, ATTEMPT_SECONDS_MAX)
    finally:
        client.close()


def _request(
    resources: Resources, endpoint: EndpointRow, now: Clock, callback_id: UUID | None
) -> tuple[HttpRequest, bool]:
    facts = _last_facts(resources, endpoint, callback_id)
    url = endpoint.url
    if url is None and facts is not None:
        url = carried_url(facts, endpoint.hosts)
    if url is None:
        raise OperatorError(
            "This endpoint uses the URLs that clicks carry. Send a click with one through a link "
            "of the partner, then an event: the log shows what was sent."
        )
    signing = read_signing(resources.connection, endpoint.id)
    is_partners = endpoint.partner is not None
    method = endpoint.method if endpoint.url else "GET"
    sent = CallbackEndpoint(endpoint.id, method, url, signing, is_partners)
    sample = replace(SAMPLE, activity=endpoint.activities[0], environment="sandbox")
    return build_request(resources.secret_key, sent, facts or sample, now()), facts is None


def _last_facts(
    resources: Resources, endpoint: EndpointRow, callback_id: UUID | None
) -> ConversionFacts | None:
    """Reads a callback's facts as the endpoint may hear them, or those of the last one.

    A partner is tested with a sample where the owner of the device, or the user, says no.
    """
    connection = resources.connection
    arguments = (endpoint.id, callback_id, callback_id, endpoint.activities)
    last = run(connection, _LAST, arguments).fetchone()
    if callback_id is not None and last is None:
        raise OperatorError("The endpoint has no such callback.", "See `waybill callback log`.")
    facts = load_facts(connection, [last[0]]).get(last[0]) if last else None
    if facts is None or endpoint.partner is None:
        return facts
    told = {facts.id: facts}
    if is_consent_denied(facts) or unshared_callbacks(connection, resources.secret_key, told):
        return None
    return shareable_facts(facts)


def _shown(request: HttpRequest, is_sample: bool) -> CallbackPreview:
    return CallbackPreview(
        request.method, masked_url(request.url), request.body.decode(), is_sample
    )
