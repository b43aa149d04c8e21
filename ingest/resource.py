"""Answers the requests of a path: their replies, refusals, counts and records.

Endpoints of dialects, `/batch` and the paths of SDKs share it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import randint
from time import monotonic

from falcon.asgi import Request, Response

from ingest.authentication import Authenticator
from ingest.batcher import Batcher
from ingest.dialects.dialect import Reply
from ingest.fast_path import GrantedPrincipals
from ingest.forgotten_devices import ForgottenDevices
from ingest.known_devices import KnownDevices
from ingest.rate_limits.limiter import RateLimited, RateLimiter
from ingest.request_log.journal import RequestJournal, RequestState
from ingest.telemetry.counts import EndpointCounts
from shared.clock import Clock
from shared.errors import Unavailable, WaybillError

_OK = 200
_RETRY_SECONDS = (1, 3)  # spread, so that senders do not come back all at once


@dataclass(frozen=True, slots=True)
class EndpointServices:
    """The services that the endpoints of a process share.

    `now` is the clock; senders are behind `forwarded_hops` proxies.
    """

    authenticator: Authenticator
    batcher: Batcher
    known_devices: KnownDevices
    forgotten_devices: ForgottenDevices
    limiter: RateLimiter
    journal: RequestJournal
    granted_principals: GrantedPrincipals
    now: Clock
    forwarded_hops: int = 0


class Resource:
    """A path of ingest."""

    def __init__(self, services: EndpointServices, counts: EndpointCounts) -> None:
        self._services = services
        self._counts = counts

    async def _serve(
        self,
        request: Request,
        response: Response,
        state: RequestState,
        receiving: Awaitable[Reply],
        refuse: Callable[[WaybillError], Reply],
    ) -> None:
        """Answers with what `receiving` returns, or what `refuse` makes of its error."""
        begun, counts = monotonic(), self._counts
        try:
            reply = await receiving
        except WaybillError as error:
            reply = refuse(error)
            counts.count_refused(reply.status, error.code)
            if isinstance(error, Unavailable):
                response.set_headers(retry_after())
            elif isinstance(error, RateLimited):
                response.set_header("Retry-After", str(error.retry_seconds))
            journal = self._services.journal
            await journal.bad_tokens.wait(journal.refused(request, state, error))
        except Exception:
            counts.count_refused(500, WaybillError.code)
            raise
        else:
            counts.count_accepted(reply.status, begun)
        write_reply(response, reply)


def write_reply(response: Response, reply: Reply) -> None:
    """Writes what was answered into Falcon's response."""
    if reply.status != _OK:  # Falcon's own otherwise, in a form that it need not look up
        response.status = reply.status
    response.data = reply.body
    if reply.headers:
        response.set_headers(reply.headers)


def retry_after() -> dict[str, str]:
    """Returns the header that says when to send again what could not be stored now."""
    return {"Retry-After": str(randint(*_RETRY_SECONDS))}  # noqa: S311
