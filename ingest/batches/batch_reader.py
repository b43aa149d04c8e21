"""Reads the events of one batch, each by itself: what is wrong with one concerns no other."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ingest.batches.batched_event import BatchedEvent, RefusedEvent
from ingest.batches.envelope import RawEvent
from ingest.batches.refusals import EventTooLarge
from shared.errors import ConflictingValues, WaybillError
from shared.ids import new_receipts
from shared.integration_log import UnreadValue

EVENT_BYTES_MAX = 65_536  # as a request of its own may have

_TURN_EVENTS = 50  # read in a row, about a millisecond, before other requests have their turn


@dataclass(slots=True)
class BatchContents:
    """The events of a batch that were read, and those that were refused."""

    events: list[BatchedEvent] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)


class BatchReader(ABC):
    """A reader of the events of one batch, which came at `now_ms`.

    Whoever reads an event adds to `unread` what is not used of it.
    """

    def __init__(self, now_ms: int, unread: list[UnreadValue]) -> None:
        self._now_ms = now_ms
        self._unread = unread
        self._by_id: dict[bytes, BatchedEvent] = {}

    async def read(self, raw_events: Sequence[RawEvent]) -> BatchContents:
        """Reads all events, in their order."""
        contents = BatchContents()
        receipts = new_receipts(self._now_ms, len(raw_events))
        for index, raw in enumerate(raw_events):
            if index % _TURN_EVENTS == _TURN_EVENTS - 1:
                await asyncio.sleep(0)
            text = bytes(raw)
            self._unread.clear()
            try:
                if len(text) > EVENT_BYTES_MAX:
                    raise EventTooLarge(EVENT_BYTES_MAX)
                batched = await self.read_one(index, text, receipts[index])
                self._find_first(batched)
                contents.events.append(batched)
                if self._unread:
                    batched.unread = tuple(self._unread)
            except WaybillError as error:
                refused = self.refuse_one(index, text, error)
                refused.unread = tuple(self._unread)
                contents.refused.append(refused)
        return contents

    @abstractmethod
    async def read_one(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        """Reads one event. Raises RequestError, Unavailable."""

    @abstractmethod
    def refuse_one(self, index: int, text: bytes, error: WaybillError) -> RefusedEvent:
        """Returns what is known of an event that was refused."""

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
