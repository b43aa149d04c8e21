"""The turns that other requests have while a batch is read."""

import asyncio
from itertools import pairwise
from uuid import UUID

import msgspec

from ingest.batches.batch_reader import BatchReader
from ingest.batches.batched_event import BatchedEvent, RefusedEvent
from ingest.batches.verdict import EventOutcome, EventVerdict
from shared.errors import MalformedField, WaybillError
from shared.scopes import Scope
from tests.support.build import NOW_MS


class OddReader(BatchReader):
    """A reader to which every event is unusual; it notes how many it has read."""

    read_events = 0

    async def read_one(self, _index: int, _text: bytes, _receipt: UUID) -> BatchedEvent:
        self.read_events += 1
        raise MalformedField("id", "must not be blank.")

    def refuse_one(self, index: int, text: bytes, _error: WaybillError) -> RefusedEvent:
        verdict = EventVerdict(index, EventOutcome.REJECTED)
        return RefusedEvent(index, text, verdict, 400, Scope.EVENTS, "")


def test_a_batch_of_odd_events_lets_others_have_their_turn_every_25() -> None:
    reader, seen = OddReader(NOW_MS, []), [0]

    async def others() -> None:
        while True:
            seen.append(reader.read_events)
            await asyncio.sleep(0)

    async def read() -> None:
        waiting = asyncio.create_task(others())
        await reader.read([msgspec.Raw(b"{}")] * 250)
        waiting.cancel()

    asyncio.run(read())

    assert reader.read_events == 250
    assert max(after - before for before, after in pairwise([*seen, 250])) <= 25
