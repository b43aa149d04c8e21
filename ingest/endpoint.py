"""Takes a request through ingest: parameters → authentication → fields → batch → reply.

The way is the same for every endpoint of every dialect; a dialect says how its requests are read
and answered. `/batch` and the paths of SDKs share the answer, refusals, counts and records.
"""

from collections.abc import Awaitable, Mapping
from functools import partial
from time import monotonic

import msgspec
from falcon.asgi import Request, Response

from ingest.archived_links import ArchivedLink, require_link_in_use
from ingest.authentication import Principal, credentials_of
from ingest.client import (
    PREFETCH_HEADERS,
    UNKNOWN_CLIENT,
    client_of,
    described_client,
    header_text,
    is_prefetch,
    is_sdk_call,
)
from ingest.credential_store import Key
from ingest.dialects.dialect import RECEIPT, Dialect, ParsedRequest, Reply, RequestContext
from ingest.fast_path import FastPath
from ingest.forgotten_devices import OPTED_OUT, may_be_refused
from ingest.parameters import RawParameters
from ingest.rate_limits.limiter import RateLimited
from ingest.request_body import NO_BODY, RequestBody, read_parameters_body
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices, Resource, write_reply
from ingest.sent_pairs import link_query, text_pairs
from ingest.telemetry.counts import EndpointCounts
from shared.errors import (
    DeviceForgotten,
    Prefetch,
    RequestError,
    RequestTooLarge,
    Unauthorized,
    Unavailable,
    WaybillError,
)
from shared.ids import new_receipt
from shared.integration_log import UnreadReason, UnreadValue
from shared.names.invisible import trimmed
from shared.scopes import Scope, scope_of


class Endpoint(Resource):
    """A path of a dialect."""

    def __init__(
        self, dialect: Dialect, services: EndpointServices, counts: EndpointCounts
    ) -> None:
        super().__init__(services, counts)
        self._dialect = dialect
        self._fast_path = FastPath(
            dialect,
            services.granted_principals,
            services.forgotten_devices,
            services.now,
            services.forwarded_hops,
        )

    async def on_get(self, request: Request, response: Response, **path: str) -> None:
        begun = monotonic()
        plain = self._fast_path.read(request)
        if plain is None:
            await self.on_post(request, response, **path)
            return
        parsed, principal = plain.parsed, plain.granted.principal
        event, services = parsed.event, self._services
        try:
            if plain.granted.is_limited:
                services.limiter.admit_request(request, principal, plain.size_bytes)
            result = await services.batcher.queue(event, plain.key, parsed.marker)
        except Exception as error:  # noqa: BLE001 - answered as that of any other request
            state = plain.note(self._state())
            answering = self._reply_if_lost(request, state, parsed, error)
            await self._answer(request, response, state, answering)
            return
        reply = parsed.if_seen if result.is_seen and parsed.if_seen is not None else parsed.reply
        scope = scope_of(event.kind)
        services.journal.accepted_plain(
            "GET", self._dialect.name, scope, principal, event, reply.status
        )
        self._counts.count_accepted(reply.status, begun)
        write_reply(response, reply)

    async def on_post(self, request: Request, response: Response, **path: str) -> None:
        state = self._state()
        await self._answer(request, response, state, self._receive(request, state, path))

    async def _answer(
        self,
        request: Request,
        response: Response,
        state: RequestState,
        receiving: Awaitable[Reply],
    ) -> None:
        await self._serve(
            request, response, state, receiving, partial(self._refuse, request, state)
        )

    def _state(self) -> RequestState:
        dialect = self._dialect
        scope = dialect.app_scope or Scope.EVENTS
        return RequestState(dialect.name, scope, secret_names=dialect.secret_names)

    def _refuse(self, request: Request, state: RequestState, error: WaybillError) -> Reply:
        by_sdk = state.by_sdk or request.get_header("Client-SDK") is not None
        if isinstance(error, DeviceForgotten) and by_sdk:
            return OPTED_OUT
        dialect = self._dialect.sdk if self._dialect.sdk is not None and by_sdk else self._dialect
        return dialect.error_reply(error, state.known_app_token(error))

    async def _receive(
        self, request: Request, state: RequestState, path: Mapping[str, str]
    ) -> Reply:
        services = self._services
        parsed, key = await self._read(request, state, path)
        if parsed.privacy is not None:
            services.batcher.require_room()
            await services.forgotten_devices.add(parsed.privacy)
            services.journal.accepted(request, state, parsed.event, parsed.reply.status)
            return parsed.reply
        try:
            if state.principal is not None:
                require_link_in_use(state.principal.link, parsed.event.kind)
            services.limiter.admit_request(request, state.principal, state.size_bytes)
            seen_before = await services.batcher.add(parsed.event, key, parsed.marker)
        except WaybillError as error:
            return await self._reply_if_lost(request, state, parsed, error)
        reply = parsed.if_seen if seen_before and parsed.if_seen is not None else parsed.reply
        services.journal.accepted(request, state, parsed.event, reply.status)
        return reply

    async def _reply_if_lost(
        self, request: Request, state: RequestState, parsed: ParsedRequest, error: Exception
    ) -> Reply:
        """Redirects whoever follows a link all the same. Raises the error for anybody else."""
        # Unauthorized: a token that was revoked this moment.
        if parsed.if_lost is None or not isinstance(
            error, ArchivedLink | Unavailable | Unauthorized | RateLimited
        ):
            raise error
        if not isinstance(error, ArchivedLink):
            self._counts.count_lost_click()
            self._services.journal.click_lost(request, state, parsed.if_lost.status)
        return parsed.if_lost

    async def _read(
        self, request: Request, state: RequestState, path: Mapping[str, str]
    ) -> tuple[ParsedRequest, Key]:
        """Authenticates a request and reads its fields; returns the key that confirms it later."""
        dialect, sent = self._dialect, request.scope["query_string"]
        query = link_query(sent, dialect.link_names)
        if len(query) > dialect.request_bytes_max:
            raise RequestTooLarge(dialect.request_bytes_max)
        body, body_fault = await self._body(request, len(query))
        if body.form and not path and (plain := self._fast_path.read(request, body.form)):
            plain.note(state)
            return plain.parsed, plain.key
        state.size_bytes = len(query) + body.size_bytes
        raw = state.raw = RawParameters(
            query,
            body.form,
            dialect.parameters_max,
            request.params if query is sent else None,
            dialect.kept_first,
            (*body.document, *text_pairs(path)) if path else body.document,
        )
        if dialect.sdk is not None and is_sdk_call(request, raw, dialect.token_names):
            app_token = b"".join(raw.values("app_token")).decode(errors="replace")
            app_token = trimmed(app_token)
            if self._services.authenticator.has_sdk_traffic(app_token):
                dialect, state.by_sdk = dialect.sdk, True
        own_header = dialect.token_header and request.get_header(dialect.token_header)
        authorization = request.get_header("Authorization")
        credentials = credentials_of(raw, authorization, dialect, own_header)
        state.app_token = credentials.app.app_token if credentials.app else None
        principal = await self._services.authenticator.authenticate(credentials)
        state.principal = principal
        if principal.link is None and body_fault is not None:
            raise body_fault
        context = self._context(request, principal, dialect)
        parsed = await self._parse(raw, context, state, dialect)
        if body_fault is not None:
            state.unread.append(UnreadValue(UnreadReason.BODY, "body"))
        if credentials.tokens and principal.link is not None and principal.is_stranger:
            state.unread.append(UnreadValue(UnreadReason.TOKEN, "token"))
        state.scope = scope_of(parsed.event.kind)
        return parsed, principal.key_for(state.scope)

    async def _body(
        self, request: Request, query_bytes: int
    ) -> tuple[RequestBody, RequestError | None]:
        """Reads the body; one that cannot be read is no reason to refuse a link in the query."""
        dialect = self._dialect
        try:
            return await read_parameters_body(request, query_bytes, dialect.request_bytes_max), None
        except RequestError as error:
            if dialect.link_names is None:
                raise
            return NO_BODY, error

    async def _parse(
        self, raw: RawParameters, context: RequestContext, state: RequestState, dialect: Dialect
    ) -> ParsedRequest:
        """Has the dialect read the fields, with the history of the device where that is needed."""
        known_devices = self._services.known_devices
        parameters = raw.parameters(without=dialect.secret_names)
        state.unread = parameters.unread
        parsed = dialect.read(parameters, context)
        event = parsed.event
        if parsed.adid is not None:
            user_id = await known_devices.user_of(event.app_id, event.environment, parsed.adid)
            if user_id is not None:
                context = msgspec.structs.replace(context, adid_user_id=user_id)
                parsed = dialect.read(raw.parameters(without=dialect.secret_names), context)
        if context.app is not None and may_be_refused(parsed):
            await self._services.forgotten_devices.require_known(parsed.event)
        if parsed.history_check is not None:
            await known_devices.require(parsed.event, parsed.history_check)
        return parsed

    def _context(self, request: Request, principal: Principal, dialect: Dialect) -> RequestContext:
        """Collects what the dialect is told beside the fields. Raises Prefetch."""
        now_ms, client = self._services.now(), UNKNOWN_CLIENT
        if dialect.address_header is not None:
            client = described_client(request.get_header(dialect.address_header))
        elif dialect.link_names is not None or dialect.is_sdk:
            if is_prefetch(request.get_header(name) for name in PREFETCH_HEADERS):
                raise Prefetch
            client = client_of(request, self._services.forwarded_hops)
        receipt = new_receipt(now_ms)
        if dialect.link_names is not None:
            receipt = self._services.authenticator.seal_click(receipt, principal.grant)
        return RequestContext(
            receipt=receipt,
            received_at_ms=now_ms,
            grant=principal.grant,
            idempotency_key=header_text(request, "Idempotency-Key"),
            link=principal.link,
            client=client,
            app=principal.app,
            fault=principal.fault,
        )


class LinkEndpoint(Endpoint):
    """A path that links lead to: whoever checks one by HEAD is answered, and has not clicked."""

    async def on_head(self, request: Request, response: Response) -> None:
        state = self._state()
        await self._answer(request, response, state, self._preview(request, state))

    async def _preview(self, request: Request, state: RequestState) -> Reply:
        """Returns what GET would answer, without a receipt, for nothing is stored."""
        parsed, _ = await self._read(request, state, {})
        self._services.limiter.admit_request(request, state.principal, state.size_bytes)
        reply = parsed.if_lost or parsed.reply
        headers = {name: text for name, text in reply.headers.items() if name != RECEIPT}
        return msgspec.structs.replace(reply, headers=headers)
