"""Stores the events of a batch by one write to the inbox, and judges each by its result."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from ingest.batcher import Batcher, EventUnit, FlushResult
from ingest.batches.batched_event import BatchedEvent
from ingest.batches.verdict import EventOutcome, EventVerdict, failed
from ingest.credential_store import CredentialStore
from shared.errors import NotReady, RequestError, Unavailable, WaybillError
from shared.events import encode_event_sorted
from shared.lines.recent_ids import first_event
from shared.privacy.truncation import as_stored

_ACCEPTED = EventOutcome.ACCEPTED
_TRIES_MAX = 3  # a key may lose its validity while a batch waits, and then another one


class BatchStorage:
    """The way of batches into the inbox."""

    def __init__(self, batcher: Batcher, credential_store: CredentialStore) -> None:
        self._batcher = batcher
        self._credential_store = credential_store

    async def store(self, events: Sequence[BatchedEvent]) -> None:
        """Writes the events in their order, and gives each its verdict.

        All events with a valid key are written together, or none is.
        """
        fresh = [batched for batched in events if batched.first is None]
        for _ in range(_TRIES_MAX):
            fresh = [batched for batched in fresh if batched.verdict is None]
            if not fresh:
                break
            try:
                result = await self._batcher.add_unit(self._unit(fresh))
            except Unavailable as error:
                _refuse(fresh, error)
            except RequestError:
                for key in {batched.key for batched in fresh}:
                    try:
                        self._credential_store.confirm(key)
                    except WaybillError as error:
                        _refuse([batched for batched in fresh if batched.key == key], error)
            else:
                _accept(fresh, result)
        _refuse([batched for batched in fresh if batched.verdict is None], NotReady())
        judge_repeats(events)

    def _unit(self, events: Sequence[BatchedEvent]) -> EventUnit:
        keys = {id(batched.key): batched.key for batched in events}  # most share one object
        return EventUnit(
            keys=tuple(dict.fromkeys(keys.values())),
            encoded=b"".join(self._encoded(events)),
            count=len(events),
            markers=tuple([each.marker for each in events if each.marker is not None]),
            ids=tuple([each.recent for each in events if each.recent is not None]),
            apps=tuple(Counter([each.event.app_id for each in events]).items()),
        )

    def _encoded(self, events: Sequence[BatchedEvent]) -> list[bytes]:
        """Returns what is written: a repeat was looked for by what was sent."""
        truncating_apps = self._batcher.truncating_apps
        if not truncating_apps:
            return [batched.encoded for batched in events]
        encoded = []
        for batched in events:
            stored = as_stored(batched.event, truncating_apps)
            is_same = stored is batched.event
            encoded.append(batched.encoded if is_same else encode_event_sorted(stored))
        return encoded


def accept_unstored(events: Sequence[BatchedEvent]) -> None:
    """Judges events that are only checked as if they had been stored."""
    for batched in events:
        if batched.first is None:
            batched.verdict = EventVerdict(batched.index, EventOutcome.ACCEPTED, batched.line_id)
    judge_repeats(events)


def judge_repeats(events: Sequence[BatchedEvent]) -> None:
    """Gives repeats within the batch the verdict that follows from that of their first."""
    for batched in events:
        if batched.first is None:
            continue
        verdict = batched.first.verdict
        assert verdict is not None  # the first of a batch is judged before its repeats
        if verdict.status in {EventOutcome.REJECTED, EventOutcome.RETRY}:
            batched.verdict = msgspec.structs.replace(verdict, index=batched.index)
        else:
            batched.verdict = EventVerdict(
                batched.index,
                EventOutcome.DUPLICATE,
                verdict.id,
                first_receipt=verdict.first_receipt or verdict.receipt,
                conflict=verdict.conflict,
            )


def _accept(events: Sequence[BatchedEvent], result: FlushResult) -> None:
    firsts = iter(result.firsts)
    if not any(result.firsts):  # as nearly always: none of their IDs was known
        for each in events:
            event = each.event
            each.verdict = EventVerdict(each.index, _ACCEPTED, event.idempotency_key, event.receipt)
        return
    for batched in events:
        recent, receipt = batched.recent, batched.event.receipt
        first = None if recent is None else first_event(recent, next(firsts))
        if first is None:
            batched.verdict = EventVerdict(batched.index, _ACCEPTED, batched.line_id, receipt)
        else:
            batched.verdict = EventVerdict(
                batched.index,
                EventOutcome.DUPLICATE,
                batched.line_id,
                receipt,
                first.receipt,
                not first.is_same,
            )


def _refuse(events: Sequence[BatchedEvent], error: WaybillError) -> None:
    for batched in events:
        batched.verdict = failed(batched.index, batched.line_id, error)
