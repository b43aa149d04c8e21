"""Reads the events of one batch, each by itself: what is wrong with one concerns no other."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeGuard, cast
from uuid import UUID

from ingest.batches.batched_event import BatchedEvent, RefusedEvent
from ingest.batches.envelope import RawEvent
from ingest.batches.refusals import EventTooLarge
from shared.errors import ConflictingValues, WaybillError
from shared.ids import new_receipts
from shared.integration_log import UnreadValue
from shared.lines.recent_ids import RecentId

EVENT_BYTES_MAX = 65_536  # as a request of its own may have

# Read in a row, about a millisecond, before other requests have their turn: usual events together,
# and others one by one.
_TURN_EVENTS = 100
_UNUSUAL_TURN_EVENTS = 25


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
        receipts, unread = new_receipts(self._now_ms, len(raw_events)), self._unread
        for start in range(0, len(raw_events), _TURN_EVENTS):
            if start:
                await asyncio.sleep(0)
            texts = [bytes(raw) for raw in raw_events[start : start + _TURN_EVENTS]]
            turn = receipts[start : start + _TURN_EVENTS]
            usual = self.read_usual(start, texts, turn)
            if self._are_new(usual, texts):
                contents.events += usual
                continue
            for index, text, receipt, batched in zip(count(start), texts, turn, usual):
                if index > start and index % _UNUSUAL_TURN_EVENTS == 0:
                    await asyncio.sleep(0)
                try:
                    if len(text) > EVENT_BYTES_MAX:
                        raise EventTooLarge(EVENT_BYTES_MAX)
                    read = batched or await self.read_one(index, text, receipt)
                    if read.recent is not None:
                        self._find_first(read, read.recent)
                    contents.events.append(read)
                    if unread:
                        read.unread = tuple(unread)
                        unread.clear()
                except WaybillError as error:
                    refused = self.refuse_one(index, text, error)
                    refused.unread = tuple(unread)
                    unread.clear()
                    contents.refused.append(refused)
        return contents

    def _are_new(
        self, usual: Sequence[BatchedEvent | None], texts: Sequence[bytes]
    ) -> TypeGuard[Sequence[BatchedEvent]]:
        """Tells whether all events are usual and repeat none; notes them then."""
        names = [batched.recent.name for batched in usual if batched and batched.recent]
        if (
            len(set(names)) < len(texts)
            or not self._by_id.keys().isdisjoint(names)
            or max(map(len, texts)) > EVENT_BYTES_MAX
        ):
            return False
        self._by_id.update(zip(names, cast("Sequence[BatchedEvent]", usual), strict=True))
        return True

    def read_usual(
        self, _first: int, texts: Sequence[bytes], _receipts: Sequence[UUID]
    ) -> Sequence[BatchedEvent | None]:
        """Reads usual events, from the one at `first` on; None for any other."""
        return [None] * len(texts)

    @abstractmethod
    async def read_one(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        """Reads one event. Raises RequestError, Unavailable."""

    @abstractmethod
    def refuse_one(self, index: int, text: bytes, error: WaybillError) -> RefusedEvent:
        """Returns what is known of an event that was refused."""

    def _find_first(self, batched: BatchedEvent, recent: RecentId) -> None:
        """Notes the earlier event with the same ID. Raises ConflictingValues if that differs."""
        first = self._by_id.setdefault(recent.name, batched)
        if first is batched:
            return
        if first.recent is not None and first.recent.content != recent.content:
            raise ConflictingValues("id")
        batched.first = first
