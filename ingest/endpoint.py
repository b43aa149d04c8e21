"""The one way through: pairs → admission → fields → batch → reply.

The same for every endpoint of every dialect; a dialect says how its requests are read and answered.
"""

from dataclasses import dataclass, field
from random import randint

from falcon.asgi import Request, Response

from ingest.admission import Admission, Admissions, claim_of, without_tokens
from ingest.batcher import Batcher
from ingest.bodies import REQUEST_BYTES_MAX, read_form
from ingest.dialect import Dialect, Reading, Reception, Reply
from ingest.grants import Key
from ingest.parameters import Pair, Parameters, read_pairs
from ingest.rejection_log import RejectionLog, shown
from ingest.visitor import NOBODY, PREFETCH_HEADERS, Visitor, is_prefetch, visitor_address
from shared.clock import Clock
from shared.errors import Prefetch, RequestError, RequestTooLarge, Unavailable, WaybillError
from shared.ids import new_receipt
from shared.redaction import redact
from shared.rejections import CLICK_LOST, Rejection

_RETRY_SECONDS = (1, 3)  # spread, so that senders do not come back all at once


@dataclass(slots=True)
class Arrival:
    """A request as far as it was understood, for the rejection log if it is refused."""

    pairs: list[Pair] = field(default_factory=list)
    app_id: int | None = None


class Endpoint:
    """One path. `now` is the clock; behind `forwarded_hops` proxies stand those who click."""

    def __init__(
        self,
        dialect: Dialect,
        admissions: Admissions,
        batcher: Batcher,
        rejections: RejectionLog,
        now: Clock,
        forwarded_hops: int = 0,
    ) -> None:
        self._dialect = dialect
        self._admissions = admissions
        self._batcher = batcher
        self._rejections = rejections
        self._now = now
        self._forwarded_hops = forwarded_hops

    async def on_get(self, request: Request, response: Response) -> None:
        await self._serve(request, response)

    async def on_post(self, request: Request, response: Response) -> None:
        await self._serve(request, response)

    async def _serve(self, request: Request, response: Response) -> None:
        arrival = Arrival()
        try:
            reply = await self._receive(request, arrival)
        except WaybillError as error:
            reply = self._dialect.refused(error)
            self._refuse(request, response, arrival, error)
        _write(response, reply)

    async def _receive(self, request: Request, arrival: Arrival) -> Reply:
        reading, key = await self._read(request, arrival)
        try:
            await self._batcher.add(reading.event, key)
        except Unavailable:
            if reading.if_lost is None:
                raise
            self._rejections.lose(
                self._rejection(request, arrival, reading.if_lost.status, CLICK_LOST)
            )
            return reading.if_lost
        return reading.reply

    async def _read(self, request: Request, arrival: Arrival) -> tuple[Reading, Key]:
        query: bytes = request.scope["query_string"]
        if len(query) > REQUEST_BYTES_MAX:
            raise RequestTooLarge(REQUEST_BYTES_MAX)
        arrival.pairs = read_pairs(query, await read_form(request, len(query)))
        claim = claim_of(arrival.pairs, request.get_header("Authorization"), self._dialect)
        admission = await self._admissions.admit(claim)
        arrival.app_id = admission.grant.app_id
        parameters = Parameters.from_pairs(without_tokens(arrival.pairs, self._dialect.token_names))
        reading = self._dialect.read(parameters, self._reception(request, admission))
        return reading, admission.key

    def _reception(self, request: Request, admission: Admission) -> Reception:
        now_ms = self._now()
        return Reception(
            new_receipt(now_ms),
            now_ms,
            admission.grant,
            request.get_header("Idempotency-Key"),
            admission.link,
            NOBODY if self._dialect.link_names is None else self._visitor(request),
        )

    def _visitor(self, request: Request) -> Visitor:
        if is_prefetch(request.get_header(name) for name in PREFETCH_HEADERS):
            raise Prefetch
        peer, _ = request.scope.get("client") or (None, None)
        forwarded_for = request.get_header("X-Forwarded-For")
        return Visitor(
            visitor_address(peer, forwarded_for, self._forwarded_hops),
            request.get_header("User-Agent"),
        )

    def _refuse(
        self, request: Request, response: Response, arrival: Arrival, error: WaybillError
    ) -> None:
        if isinstance(error, Unavailable):
            response.set_header("Retry-After", str(randint(*_RETRY_SECONDS)))  # noqa: S311
        self._rejections.add(
            self._rejection(request, arrival, error.status, error.code, _field(error))
        )

    def _rejection(
        self,
        request: Request,
        arrival: Arrival,
        status: int,
        code: str,
        name: str | None = None,
    ) -> Rejection:
        return Rejection(
            at_ms=self._now(),
            endpoint=request.uri_template or "",
            method=request.method,
            status=status,
            code=code,
            field=name,
            app_id=arrival.app_id,
            parameters=shown(arrival.pairs),
        )


def _field(error: WaybillError) -> str | None:
    """The name may be the sender's own, and hold anything."""
    field = error.field if isinstance(error, RequestError) else None
    return None if field is None else redact(field)


def _write(response: Response, reply: Reply) -> None:
    response.status = reply.status
    response.data = reply.body
    if reply.headers:
        response.set_headers(reply.headers)
