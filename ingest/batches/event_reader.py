"""Reads the events of `/batch`: lines as an import has them, or calls of a dialect."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from uuid import UUID

import msgspec

from ingest.authentication import Principal
from ingest.batches.batch_reader import EVENT_BYTES_MAX, BatchReader
from ingest.batches.batched_event import BATCH_NAME, BatchedEvent, RefusedEvent, refused_event
from ingest.batches.dialect_events import dialect_name
from ingest.batches.dialect_reader import DialectReader
from ingest.batches.plain_line import PlainLines
from ingest.credential_store import Key
from ingest.dialects.common_fields import open_marker
from shared.errors import Unauthorized, WaybillError
from shared.events import Environment, Kind, encode_event_sorted
from shared.lines.line import decode_line
from shared.lines.line_format import Destination, read_sent_line
from shared.lines.recent_ids import IdDigests, recent_id
from shared.scopes import Scope, scope_of

_EVENT, _EVENTS = Kind.EVENT, Scope.EVENTS


class _Named(msgspec.Struct, frozen=True):
    """The fields that tell whose format an event has, and which it is."""

    dialect: object = None
    id: object = None


_named = msgspec.json.Decoder(_Named)


class EventReader(BatchReader):
    """A reader of the events of one batch, for the sender that was authenticated."""

    def __init__(
        self, principal: Principal, destination: Destination, dialects: DialectReader
    ) -> None:
        super().__init__(destination.now_ms, dialects.unread)
        self._principal = principal
        self._destination = replace(destination, note=dialects.unread.append)
        self._dialects = dialects
        self._plain = PlainLines(destination)
        environment = Environment.SANDBOX if destination.is_test else Environment.PRODUCTION
        self._digests = IdDigests(destination.app_id, environment)

    def read_usual(
        self, first: int, texts: Sequence[bytes], receipts: Sequence[UUID]
    ) -> list[BatchedEvent | None]:
        read = self._plain.read(texts, receipts)
        events = [event for event in read if event is not None]
        if not events:
            return [None] * len(texts)
        try:
            key = self._events_key
        except Unauthorized:
            return [None] * len(texts)
        encoded = [encode_event_sorted(event) for event in events]
        # A usual event has an ID.
        recents = self._digests.digests([event.idempotency_key or "" for event in events], encoded)
        usual = iter(zip(events, encoded, recents, strict=True))
        return [
            None if event is None else BatchedEvent(index, *next(usual), key)
            for index, event in enumerate(read, first)
        ]

    async def read_one(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        if b'"dialect"' in text and _name(text).dialect is not None:
            return await self._dialects.read(index, text, receipt)
        event = read_sent_line(decode_line(text), self._destination, receipt)
        kind, encoded = event.kind, encode_event_sorted(event)
        scope = scope_of(kind)
        key, marker = self._principal.key_for(scope), open_marker(event)
        recent = recent_id(event, encoded)
        return BatchedEvent(index, event, encoded, recent, key, scope, BATCH_NAME, marker)

    def refuse_one(self, index: int, text: bytes, error: WaybillError) -> RefusedEvent:
        named = _name(text) if len(text) <= EVENT_BYTES_MAX else _Named()
        line_id = named.id if isinstance(named.id, str) else None
        return refused_event(index, text, error, line_id, dialect_name(named.dialect) or BATCH_NAME)

    @cached_property
    def _events_key(self) -> Key:
        """Returns the key for most events, made once. Raises Unauthorized."""
        return self._principal.key_for(Scope.EVENTS)


def _name(text: bytes) -> _Named:
    try:
        return _named.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Named()
