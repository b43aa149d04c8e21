"""Reads the events of one batch, each by itself: what is wrong with one concerns no other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

import msgspec

from ingest.authentication import Principal
from ingest.batches.batched_event import BatchedEvent, RefusedEvent
from ingest.batches.dialect_events import dialect_name
from ingest.batches.dialect_reader import DialectReader
from ingest.batches.envelope import RawEvent
from ingest.batches.refusals import EventTooLarge
from ingest.batches.verdict import failed
from ingest.credential_store import Key
from ingest.dialects.common_fields import open_marker
from shared.errors import ConflictingValues, Unauthorized, WaybillError
from shared.events import Kind, encode_event_sorted
from shared.ids import new_receipts
from shared.lines.line_format import Destination, read_sent_line
from shared.lines.recent_ids import recent_id
from shared.scopes import Scope, scope_of

EVENT_BYTES_MAX = 65_536  # as a request of its own may have
NAME = "batch"

_TURN_EVENTS = 50  # read in a row, about a millisecond, before other requests have their turn


class _Named(msgspec.Struct, frozen=True):
    """The fields that tell whose format an event has, and which it is."""

    dialect: object = None
    id: object = None


_named = msgspec.json.Decoder(_Named)


@dataclass(slots=True)
class BatchContents:
    """The events of a batch that were read, and those that were refused."""

    events: list[BatchedEvent] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)


class EventReader:
    """A reader of the events of one batch, for the sender that was authenticated."""

    def __init__(
        self, principal: Principal, destination: Destination, dialects: DialectReader
    ) -> None:
        self._principal = principal
        self._destination = destination
        self._dialects = dialects
        self._by_id: dict[bytes, BatchedEvent] = {}

    async def read(self, raw_events: Sequence[RawEvent]) -> BatchContents:
        """Reads all events, in their order."""
        contents = BatchContents()
        receipts = new_receipts(self._destination.now_ms, len(raw_events))
        for index, raw in enumerate(raw_events):
            if index % _TURN_EVENTS == _TURN_EVENTS - 1:
                await asyncio.sleep(0)
            text = bytes(raw)
            try:
                if len(text) > EVENT_BYTES_MAX:
                    raise EventTooLarge(EVENT_BYTES_MAX)
                if b'"dialect"' in text and _name(text).dialect is not None:
                    batched = await self._dialects.read(index, text, receipts[index])
                else:
                    batched = self._read_line(index, text, receipts[index])
                self._find_first(batched)
                contents.events.append(batched)
            except WaybillError as error:
                contents.refused.append(_refused(index, text, error))
        return contents

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

    def _find_first(self, batched: BatchedEvent) -> None:
        """Notes the earlier event with the same ID. Raises ConflictingValues if that differs."""
        recent = batched.recent
        if recent is None:
            return
        first = self._by_id.setdefault(recent.name, batched)
        if first is batched:
            return
        if first.recent is not None and first.recent.content != recent.content:
            raise ConflictingValues("id")
        batched.first = first


def _refused(index: int, text: bytes, error: WaybillError) -> RefusedEvent:
    named = _name(text) if len(text) <= EVENT_BYTES_MAX else _Named()
    line_id = named.id if isinstance(named.id, str) else None
    return RefusedEvent(
        index=index,
        text=text,
        verdict=failed(index, line_id, error),
        status=error.status,
        scope=Scope.EVENTS,
        dialect=dialect_name(named.dialect) or NAME,
        fault=error.fault if isinstance(error, Unauthorized) else None,
    )


def _name(text: bytes) -> _Named:
    try:
        return _named.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Named()
