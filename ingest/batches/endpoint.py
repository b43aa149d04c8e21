"""Takes a batch through ingest: body → token → events → one write → a verdict for each.

A batch is refused as a whole only if nothing of it was read. Once it was read it is answered by
200, whatever became of its events: then a sender has to look at the verdicts, and never guess which
of its events a 400 has stored.
"""

import msgspec
from falcon.asgi import Request, Response

from ingest.authentication import Principal, credentials_of
from ingest.batches.app_links import AppLinks
from ingest.batches.batch_journal import BatchJournal
from ingest.batches.batch_reader import BatchContents
from ingest.batches.batched_event import BATCH_NAME
from ingest.batches.body import BATCH_BYTES_MAX, form_of, plain_body
from ingest.batches.dialect_reader import DialectReader
from ingest.batches.envelope import raw_events
from ingest.batches.event_reader import EventReader
from ingest.batches.options import BatchOptions, read_options
from ingest.batches.room import BatchRoom
from ingest.batches.storage import BatchStorage, accept_unstored
from ingest.batches.verdict import EventOutcome, batch_reply
from ingest.credential_store import CredentialStore
from ingest.dialects.dialect import Reply, Sender
from ingest.dialects.swaarm.responses import error_reply
from ingest.parameters import NO_PARAMETERS
from ingest.request_body import read_body
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices, Resource, retry_after
from ingest.telemetry.counts import EndpointCounts
from shared.scopes import Scope

# Six of the largest batches, or a hundred and fifty of usual size, at a time.
_ROOM_BYTES_MAX = 32_000_000


# Its token comes in the header only: an address is written into logs.
BATCH = Sender(name=BATCH_NAME)


class BatchEndpoint(Resource):
    """`POST /batch`."""

    def __init__(
        self,
        services: EndpointServices,
        credential_store: CredentialStore,
        journal: BatchJournal,
        counts: EndpointCounts,
    ) -> None:
        super().__init__(services, counts)
        self._storage = BatchStorage(services.batcher, credential_store)
        self._links = AppLinks(credential_store)
        self._journal = journal
        self._room = BatchRoom(_ROOM_BYTES_MAX)

    async def on_post(self, request: Request, response: Response) -> None:
        state = RequestState(BATCH_NAME, Scope.EVENTS)
        await self._serve(request, response, state, self._receive(request, state), error_reply)

    async def _receive(self, request: Request, state: RequestState) -> Reply:
        sent = await read_body(request, BATCH_BYTES_MAX, BATCH_BYTES_MAX)
        authorization = request.get_header("Authorization")
        # Before anything is inflated or decoded: a stranger must not make ingest work.
        credentials = credentials_of(NO_PARAMETERS, authorization, BATCH)
        state.principal = await self._services.authenticator.authenticate(credentials)
        options = read_options(request.scope["query_string"])
        if not options.validate_only:
            self._services.batcher.require_room()
        self._services.limiter.admit_request(request, state.principal, len(sent))
        form = form_of(request.content_type)
        body = plain_body(sent, request.get_header("Content-Encoding"))
        del sent
        services, now_ms, principal = self._services, self._services.now(), state.principal
        known_devices = None if options.validate_only else services.known_devices
        forgotten_devices = None if options.validate_only else services.forgotten_devices
        dialects = DialectReader(
            services.authenticator, authorization, known_devices, now_ms, forgotten_devices
        )
        reader = EventReader(principal, self._links.destination(principal.grant, now_ms), dialects)
        with self._room.held(len(body)):
            contents = await reader.read(raw_events(body, form))
            del body
            return await self._judge(contents, principal, options)

    async def _judge(
        self, contents: BatchContents, principal: Principal, options: BatchOptions
    ) -> Reply:
        if options.validate_only:
            accept_unstored(contents.events)
        else:
            await self._storage.store(contents.events)
            self._journal.record(principal, contents.events, contents.refused)
        verdicts = [batched.verdict for batched in contents.events if batched.verdict is not None]
        if contents.refused:
            verdicts += [refused.verdict for refused in contents.refused]
            verdicts.sort(key=lambda verdict: verdict.index)
        reply = batch_reply(
            verdicts, failed_only=options.failed_only, validate_only=options.validate_only
        )
        if EventOutcome.RETRY in [verdict.status for verdict in verdicts]:
            return msgspec.structs.replace(reply, headers=retry_after())
        return reply
