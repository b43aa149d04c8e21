"""Reads the events of `/batch`: lines as an import has them, or calls of a dialect."""

from dataclasses import replace
from functools import cached_property
from uuid import UUID

import msgspec

from ingest.authentication import Principal
from ingest.batches.batch_reader import EVENT_BYTES_MAX, BatchReader
from ingest.batches.batched_event import BatchedEvent, RefusedEvent, refused_event
from ingest.batches.dialect_events import dialect_name
from ingest.batches.dialect_reader import DialectReader
from ingest.credential_store import Key
from ingest.dialects.common_fields import open_marker
from shared.errors import WaybillError
from shared.events import Kind, encode_event_sorted
from shared.lines.line_format import Destination, read_sent_line
from shared.lines.recent_ids import recent_id
from shared.scopes import Scope, scope_of

NAME = "batch"


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

    async def read_one(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        if b'"dialect"' in text and _name(text).dialect is not None:
            return await self._dialects.read(index, text, receipt)
        return self._read_line(index, text, receipt)

    def refuse_one(self, index: int, text: bytes, error: WaybillError) -> RefusedEvent:
        named = _name(text) if len(text) <= EVENT_BYTES_MAX else _Named()
        line_id = named.id if isinstance(named.id, str) else None
        return refused_event(index, text, error, line_id, dialect_name(named.dialect) or NAME)

    def _read_line(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        event = read_sent_line(text, self._destination, receipt)
        kind = event.kind
        scope = Scope.EVENTS if kind is Kind.EVENT else scope_of(kind)
        encoded = encode_event_sorted(event)
        return BatchedEvent(
            index,
            event,
            encoded,
            self._events_key if scope is Scope.EVENTS else self._principal.key_for(scope),
            scope,
            NAME,
            None if kind is Kind.EVENT else open_marker(event),
            recent_id(event, encoded),
        )

    @cached_property
    def _events_key(self) -> Key:
        """Returns the key for most events, made once. Raises Unauthorized."""
        return self._principal.key_for(Scope.EVENTS)


def _name(text: bytes) -> _Named:
    try:
        return _named.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Named()
