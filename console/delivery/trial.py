"""Tries an endpoint: fills its macros, sends the request and shows what came back."""

import asyncio
import time
from dataclasses import dataclass

from msgspec.structs import replace

from console.actor import Actor, require_admin
from console.delivery.endpoint_signing import read_signing
from console.delivery.endpoints import EndpointRow
from console.resources import Resources
from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, AttemptResult, attempt
from shared.callbacks.conversion_facts import SAMPLE, load_facts
from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.masking import masked_url
from shared.callbacks.requests import CallbackEndpoint, build_request
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
    SELECT id FROM callbacks WHERE endpoint_id = %s AND activity = ANY(%s)
    ORDER BY created_at DESC LIMIT 1
"""


def preview_request(resources: Resources, endpoint: EndpointRow, now: Clock) -> CallbackPreview:
    """Fills in an endpoint's URL with its last callback, or with a sample."""
    request, is_sample = _request(resources, endpoint, now)
    return _shown(request, is_sample)


def send_test(
    resources: Resources,
    actor: Actor,
    settings: Settings,
    endpoint: EndpointRow,
    now: Clock,
) -> CallbackTest:
    """Sends one request now, whether the endpoint is paused or not. Raises NotAllowed.

    It is no delivery: nothing is counted, and its id is that of the callback it repeats.
    """
    require_admin(actor)
    request, is_sample = _request(resources, endpoint, now)
    began = time.monotonic()
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


def _request(resources: Resources, endpoint: EndpointRow, now: Clock) -> tuple[HttpRequest, bool]:
    if endpoint.url is None:
        raise OperatorError(
            "This endpoint uses the URLs that clicks carry. Send a click with one through a link "
            "of the partner, then an event: the log shows what was sent."
        )
    signing = read_signing(resources.connection, endpoint.id)
    last = run(resources.connection, _LAST, (endpoint.id, endpoint.activities)).fetchone()
    facts = load_facts(resources.connection, [last[0]]).get(last[0]) if last else None
    sample = replace(SAMPLE, activity=endpoint.activities[0], environment="sandbox")
    sent = CallbackEndpoint(endpoint.id, endpoint.method, endpoint.url, signing)
    request = build_request(resources.secret_key, sent, facts or sample, now())
    return request, facts is None


def _shown(request: HttpRequest, is_sample: bool) -> CallbackPreview:
    return CallbackPreview(
        request.method, masked_url(request.url), request.body.decode(), is_sample
    )
