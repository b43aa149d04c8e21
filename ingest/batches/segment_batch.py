"""Takes a batch of Segment's calls through ingest: `POST /v1/batch`.

It is stored by one write, as any batch is. Segment's libraries know one answer for all of it: so
200 means that each call was stored or will never be, and the rejection log says which ones were
not. Where a call could be stored later, the whole is to be sent again, and `messageId` keeps what
was stored from being counted twice.
"""

from uuid import UUID

import msgspec
from falcon.asgi import Request, Response

from ingest.authentication import Principal, credentials_of
from ingest.batches.batch_journal import BatchJournal
from ingest.batches.batch_reader import BatchContents, BatchReader
from ingest.batches.batched_event import BatchedEvent, RefusedEvent, refused_event
from ingest.batches.body import BATCH_BYTES_MAX, plain_body
from ingest.batches.dialect_reader import DialectReader
from ingest.batches.envelope import AnyObject, is_countable
from ingest.batches.refusals import MalformedBody, TooManyEvents
from ingest.batches.room import BatchRoom
from ingest.batches.storage import BatchStorage
from ingest.batches.verdict import EventOutcome
from ingest.credential_store import CredentialStore
from ingest.dialects.dialect import Reply
from ingest.dialects.segment.message import MESSAGES, SEGMENT
from ingest.dialects.segment.responses import batch_reply, error_reply
from ingest.parameters import NO_PARAMETERS, RawParameters
from ingest.request_body import read_body
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices, Resource
from ingest.sent_pairs import json_value_pairs
from ingest.telemetry.counts import EndpointCounts
from shared.errors import MalformedField, Unavailable, WaybillError
from shared.lines.line import MalformedEvent
from shared.names.invisible import trimmed
from shared.scopes import Scope

EVENTS_MAX = 2_500  # as Segment allows; its libraries send a hundred

_ROOM_BYTES_MAX = 32_000_000
_SHAPE = 'Send {"batch": […]} with the calls in it.'


class SegmentEnvelope(msgspec.Struct, frozen=True, rename="camel"):
    """The body. What it says of all calls counts for each that says nothing itself."""

    batch: list[msgspec.Raw]
    write_key: str | None = None
    context: dict[str, msgspec.Raw] | None = None
    sent_at: str | None = None


class _CountedBatch(msgspec.Struct, frozen=True):
    batch: list[AnyObject]


_envelope = msgspec.json.Decoder(SegmentEnvelope)
_counted = msgspec.json.Decoder(_CountedBatch)
_call = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _IdentifiedCall(msgspec.Struct, frozen=True, rename="camel"):
    """The ID of a call."""

    message_id: object = None


_identified = msgspec.json.Decoder(_IdentifiedCall)


def decode_envelope(body: bytes) -> SegmentEnvelope:
    """Decodes a body; its calls are decoded one by one. Raises MalformedBody, TooManyEvents."""
    try:
        count = 0 if is_countable(body) else len(_counted.decode(body).batch)
        if count <= EVENTS_MAX:
            envelope = _envelope.decode(body)
            count = len(envelope.batch)
    except msgspec.ValidationError as error:
        raise MalformedBody(f"The body is not a batch. {_SHAPE}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON in UTF-8. {_SHAPE}") from error
    if count > EVENTS_MAX:
        raise TooManyEvents(EVENTS_MAX)
    return envelope


class CallReader(BatchReader):
    """A reader of the calls of one batch."""

    def __init__(
        self, principal: Principal, dialects: DialectReader, envelope: SegmentEnvelope, now_ms: int
    ) -> None:
        super().__init__(now_ms, dialects.unread)
        self._principal = principal
        self._dialects = dialects
        self._envelope = envelope

    async def read_one(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        try:
            call = _call.decode(text)
            kind = msgspec.json.decode(call.get("type", b'""'), type=str)
            pairs = json_value_pairs(self._with_common(call))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise MalformedEvent("A call is a JSON object with a type.") from error
        dialect = MESSAGES.get(kind)
        if dialect is None:
            raise MalformedField("type", f"must be one of {', '.join(MESSAGES)}.")
        raw = RawParameters(b"", b"", dialect.parameters_max, document=pairs)
        return await self._dialects.read_parameters(index, dialect, raw, self._principal, receipt)

    def refuse_one(self, index: int, text: bytes, error: WaybillError) -> RefusedEvent:
        try:
            message_id = _identified.decode(text).message_id
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            message_id = None
        shown = message_id if isinstance(message_id, str) else None
        return refused_event(index, text, error, shown, SEGMENT.name)

    def _with_common(self, call: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        """Returns a call with what the batch says of all of its calls."""
        envelope = self._envelope
        if envelope.sent_at is not None:
            call.setdefault("sentAt", msgspec.Raw(msgspec.json.encode(envelope.sent_at)))
        if envelope.context:
            own = _call.decode(call["context"]) if "context" in call else {}
            merged = msgspec.json.encode({**envelope.context, **own})
            call["context"] = msgspec.Raw(merged)
        return call


class SegmentBatchEndpoint(Resource):
    """`POST /v1/batch`."""

    def __init__(
        self,
        services: EndpointServices,
        credential_store: CredentialStore,
        journal: BatchJournal,
        counts: EndpointCounts,
    ) -> None:
        super().__init__(services, counts)
        self._storage = BatchStorage(services.batcher, credential_store)
        self._journal = journal
        self._room = BatchRoom(_ROOM_BYTES_MAX)

    async def on_post(self, request: Request, response: Response) -> None:
        state = RequestState(SEGMENT.name, Scope.EVENTS)
        await self._serve(request, response, state, self._receive(request, state), error_reply)

    async def _receive(self, request: Request, state: RequestState) -> Reply:
        services, authorization = self._services, request.get_header("Authorization")
        sent = await read_body(request, BATCH_BYTES_MAX, BATCH_BYTES_MAX)
        if authorization:  # before anything is inflated or decoded
            await self._authenticate(state, authorization)
        services.batcher.require_room()
        body = plain_body(sent, request.get_header("Content-Encoding"))
        with self._room.held(len(body)):
            envelope = decode_envelope(body)
            if envelope.write_key or not authorization:
                await self._authenticate(state, authorization, envelope.write_key)
            principal = state.principal
            assert principal is not None
            services.limiter.admit_request(request, principal, len(sent))
            forgotten_devices, now_ms = services.forgotten_devices, services.now()
            dialects = DialectReader(services.authenticator, None, None, now_ms, forgotten_devices)
            contents = await CallReader(principal, dialects, envelope, now_ms).read(envelope.batch)
            return await self._store(contents, principal)

    async def _authenticate(
        self, state: RequestState, authorization: str | None, write_key: str | None = None
    ) -> None:
        """Authenticates by the header and the key in the body. Raises Unauthorized, NotReady."""
        shown = trimmed(write_key or "")
        credentials = credentials_of(NO_PARAMETERS, authorization, SEGMENT, shown)
        state.principal = await self._services.authenticator.authenticate(credentials)

    async def _store(self, contents: BatchContents, principal: Principal) -> Reply:
        """Stores what was read. Raises Unavailable, or MalformedBody if nothing could be read."""
        await self._storage.store(contents.events)
        self._journal.record(principal, contents.events, contents.refused)
        verdicts = [batched.verdict for batched in contents.events if batched.verdict is not None]
        verdicts += [refused.verdict for refused in contents.refused]
        for verdict in verdicts:
            if verdict.status is EventOutcome.RETRY:
                raise Unavailable(verdict.message or "")
        rejected = [verdict for verdict in verdicts if verdict.status is EventOutcome.REJECTED]
        if rejected and len(rejected) == len(verdicts):
            raise MalformedBody(
                f"No call of the batch was accepted. The first: {rejected[0].message}"
            )
        return batch_reply(len(rejected))
