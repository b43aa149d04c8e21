"""The one way through: pairs → admission → fields → batch → reply.

The same for every endpoint of every dialect; a dialect says how its requests are read and answered.
"""

from dataclasses import dataclass
from random import randint
from time import monotonic

import msgspec
from falcon.asgi import Request, Response

from ingest.authentication import Authenticator, Principal, credentials_of
from ingest.bad_tokens import BadTokens
from ingest.batcher import Batcher
from ingest.bodies import read_form
from ingest.client import NOBODY, PREFETCH_HEADERS, ClientInfo, client_address, is_prefetch
from ingest.credentials import Key
from ingest.dialects.dialect import Dialect, ParsedRequest, Reply, RequestContext
from ingest.known_devices import KnownDevices
from ingest.parameters import NOTHING, Parameters, Sent
from ingest.request_log.checks import Checked, CheckLog
from ingest.request_log.rejections import RejectionLog, shown
from ingest.telemetry.counts import EndpointCounts
from shared.clock import Clock
from shared.errors import (
    Prefetch,
    RequestError,
    RequestTooLarge,
    Unauthorized,
    Unavailable,
    WaybillError,
)
from shared.ids import new_receipt
from shared.redaction import redact
from shared.rejections import CLICK_LOST, Rejection
from shared.scopes import Scope, scope_of
from shared.snapshot import NO_TOKEN
from shared.tokens import TokenFault

_RETRY_SECONDS = (1, 3)  # spread, so that senders do not come back all at once

# Whoever sends none, or one that was made for something else, does not guess.
_NO_GUESS = frozenset({TokenFault.MISSING, TokenFault.SCOPE})


@dataclass(frozen=True, slots=True)
class EndpointServices:
    """What the endpoints of a process share. `now` is the clock.

    Behind `forwarded_hops` proxies stand those who call.
    """

    admissions: Authenticator
    batcher: Batcher
    devices: KnownDevices
    rejections: RejectionLog
    checks: CheckLog
    bad_tokens: BadTokens
    now: Clock
    forwarded_hops: int = 0


@dataclass(slots=True)
class RequestState:
    """A request as far as it was understood, for the answer to a refusal and for the logs."""

    scope: Scope
    sent: Sent = NOTHING
    app_token: str | None = None
    admission: Principal | None = None

    @property
    def app_id(self) -> int | None:
        return None if self.admission is None else self.admission.grant.app_id


class Endpoint:
    """One path of one dialect."""

    def __init__(self, dialect: Dialect, intake: EndpointServices, counts: EndpointCounts) -> None:
        self._dialect = dialect
        self._intake = intake
        self._counts = counts

    async def on_get(self, request: Request, response: Response) -> None:
        await self._serve(request, response)

    async def on_post(self, request: Request, response: Response) -> None:
        await self._serve(request, response)

    async def _serve(self, request: Request, response: Response) -> None:
        begun = monotonic()
        arrival = RequestState(self._dialect.app_scope or Scope.EVENTS)
        try:
            reply = await self._receive(request, arrival)
        except WaybillError as error:
            reply = self._dialect.refused(error, _known_app(arrival, error))
            self._counts.refused(reply.status, error.code)
            await self._refuse(request, response, arrival, error)
        except Exception:
            self._counts.refused(500, WaybillError.code)
            raise
        else:
            self._counts.accepted(reply.status, begun)
        _write(response, reply)

    async def _receive(self, request: Request, arrival: RequestState) -> Reply:
        reading, key = await self._read(request, arrival)
        try:
            stood = await self._intake.batcher.add(reading.event, key, reading.mark)
        except Unavailable:
            if reading.if_lost is None:
                raise
            self._counts.lost()
            self._intake.rejections.lose(
                self._rejection(request, arrival, reading.if_lost.status, CLICK_LOST)
            )
            return reading.if_lost
        reply = reading.if_marked if stood and reading.if_marked is not None else reading.reply
        self._accept(request, arrival, reading, reply.status)
        return reply

    async def _read(self, request: Request, arrival: RequestState) -> tuple[ParsedRequest, Key]:
        dialect, query = self._dialect, request.scope["query_string"]
        if len(query) > dialect.request_bytes_max:
            raise RequestTooLarge(dialect.request_bytes_max)
        form = await read_form(request, len(query), dialect.request_bytes_max)
        sent = arrival.sent = Sent(query, form, dialect.parameters_max, request.params)
        claim = credentials_of(sent, request.get_header("Authorization"), dialect)
        arrival.app_token = claim.app.app_token if claim.app else None
        admission = arrival.admission = await self._intake.admissions.authenticate(claim)
        reading = await self._understood(sent, self._reception(request, admission))
        arrival.scope = scope_of(reading.event.kind)
        return reading, admission.allowing(arrival.scope)

    async def _understood(self, sent: Sent, reception: RequestContext) -> ParsedRequest:
        reading = self._dialect.read(self._parameters(sent), reception)
        event, devices = reading.event, self._intake.devices
        if reading.adid is not None:
            user_id = await devices.user_of(event.app_id, event.environment, reading.adid)
            if user_id is not None:
                reception = msgspec.structs.replace(reception, known_as=user_id)
                reading = self._dialect.read(self._parameters(sent), reception)
        if reading.standing is not None:
            await devices.require(reading.event, reading.standing)
        return reading

    def _parameters(self, sent: Sent) -> Parameters:
        return sent.parameters(without=self._dialect.token_names)

    def _reception(self, request: Request, admission: Principal) -> RequestContext:
        now_ms = self._intake.now()
        return RequestContext(
            new_receipt(now_ms),
            now_ms,
            admission.grant,
            request.get_header("Idempotency-Key"),
            admission.link,
            self._visitor(request),
            admission.app,
            admission.fault,
        )

    def _visitor(self, request: Request) -> ClientInfo:
        dialect = self._dialect
        if dialect.address_header is not None:
            return ClientInfo(client_address(request.get_header(dialect.address_header), None, 0))
        if dialect.link_names is None:
            return NOBODY
        if is_prefetch(request.get_header(name) for name in PREFETCH_HEADERS):
            raise Prefetch
        return ClientInfo(self._caller(request), request.get_header("User-Agent"))

    def _caller(self, request: Request) -> str | None:
        """The address of whoever calls."""
        peer, _ = request.scope.get("client") or (None, None)
        forwarded_for = request.get_header("X-Forwarded-For")
        return client_address(peer, forwarded_for, self._intake.forwarded_hops)

    def _accept(
        self, request: Request, arrival: RequestState, reading: ParsedRequest, status: int
    ) -> None:
        event, admission = reading.event, arrival.admission
        assert admission is not None  # nothing is accepted that was not admitted
        self._intake.checks.add(
            event.app_id,
            Checked(
                event.received_at_ms,
                self._dialect.name,
                event.endpoint,
                request.method,
                status,
                admission.shown_token_id,
                arrival.scope,
                event,
                admission.fault,
            ),
        )
        if admission.fault is not None and admission.fault not in _NO_GUESS:
            self._note_bad_token(request)

    async def _refuse(
        self, request: Request, response: Response, arrival: RequestState, error: WaybillError
    ) -> None:
        if isinstance(error, Unavailable):
            response.set_header("Retry-After", str(randint(*_RETRY_SECONDS)))  # noqa: S311
        name = _field(error)
        self._intake.rejections.add(
            self._rejection(request, arrival, error.status, error.code, name)
        )
        self._check(request, arrival, error, name)
        fault = error.fault if isinstance(error, Unauthorized) else None
        if fault is not None and fault not in _NO_GUESS:
            await self._intake.bad_tokens.wait(self._note_bad_token(request))

    def _check(
        self,
        request: Request,
        arrival: RequestState,
        error: WaybillError,
        name: str | None,
    ) -> None:
        """What an app's team should see of a refusal, once it is known whose it is.

        A field may be at fault where the token is too, and both are to be mended.
        """
        app_id, token_id, fault = arrival.app_id, NO_TOKEN, None
        if arrival.admission is not None:
            token_id, fault = arrival.admission.shown_token_id, arrival.admission.fault
        if isinstance(error, Unauthorized):
            app_id = app_id or error.app_id
            token_id, fault = token_id or error.token_id or NO_TOKEN, error.fault
        if app_id is None:
            return
        self._intake.checks.add(
            app_id,
            Checked(
                self._intake.now(),
                self._dialect.name,
                request.uri_template or "",
                request.method,
                error.status,
                token_id,
                arrival.scope,
                None,
                fault,
                error.code,
                name,
            ),
        )

    def _note_bad_token(self, request: Request) -> float:
        """The seconds that its sender has to wait, if it is refused."""
        address = self._caller(request) or ""
        self._intake.rejections.note_bad_token(address)
        return self._intake.bad_tokens.count(address)

    def _rejection(
        self,
        request: Request,
        arrival: RequestState,
        status: int,
        code: str,
        name: str | None = None,
    ) -> Rejection:
        return Rejection(
            at_ms=self._intake.now(),
            endpoint=request.uri_template or "",
            method=request.method,
            status=status,
            code=code,
            field=name,
            app_id=arrival.app_id,
            parameters=shown(arrival.sent.pairs()),
        )


def _known_app(arrival: RequestState, error: WaybillError) -> str | None:
    """The app token that was sent, if an app has it: another could be anything."""
    is_known = arrival.admission is not None or isinstance(error, Unauthorized)
    return arrival.app_token if is_known else None


def _field(error: WaybillError) -> str | None:
    """The name may be the sender's own, and hold anything."""
    field = error.field if isinstance(error, RequestError) else None
    return None if field is None else redact(field)


def _write(response: Response, reply: Reply) -> None:
    response.status = reply.status
    response.data = reply.body
    if reply.headers:
        response.set_headers(reply.headers)
