"""One write for all events of a batch, and what its result means for each."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from ingest.batcher import Batcher, EventUnit, FlushResult
from ingest.batches.batched_event import BatchedEvent
from ingest.batches.storage import BatchStorage
from ingest.credential_store import CredentialStore, Key, TokenKey
from shared.errors import InboxNotReplicated, NotReady, Unauthorized, WaybillError
from shared.events import decode_events, encode_event_sorted, join_parts
from shared.lines.recent_ids import recent_id
from shared.scopes import Scope
from shared.tokens import TokenFault
from tests.support.build import SECRET_KEY, digest, event, grant, now, snapshot
from tests.unit.loop import in_loop


class Inbox:
    """An inbox that fails as often as it is told to."""

    truncating_apps: frozenset[int] = frozenset()

    def __init__(self, *failures: WaybillError) -> None:
        self.failures = list(failures)
        self.units: list[EventUnit] = []

    async def add_unit(self, unit: EventUnit) -> FlushResult:
        self.units.append(unit)
        if self.failures:
            raise self.failures.pop(0)
        return FlushResult(firsts=[b""] * len(unit.ids))

    def users(self) -> list[list[str]]:
        return [
            [event.user_id for event in decode_events(join_parts([unit.encoded], unit.count))]
            for unit in self.units
        ]


def batched(index: int, token: str = "kept", key: str | None = None) -> BatchedEvent:
    sent = event(user_id=f"u{index}", idempotency_key=key)
    credential: Key = TokenKey(digest(token), Scope.EVENTS)
    encoded = encode_event_sorted(sent)
    recent = recent_id(sent, encoded)
    return BatchedEvent(index, sent, encoded, recent, credential)


async def stored(inbox: Inbox, events: Sequence[BatchedEvent]) -> list[tuple[str, str | None]]:
    store = CredentialStore(SECRET_KEY, now)
    store.use(snapshot(1, kept=grant()))
    await BatchStorage(cast("Batcher", inbox), store).store(events)
    verdicts = [batched.verdict for batched in events]
    assert None not in verdicts
    return [(str(verdict.status), verdict.code) for verdict in verdicts if verdict is not None]


@in_loop
async def test_nothing_is_written_of_no_event() -> None:
    inbox = Inbox()

    assert await stored(inbox, []) == []
    assert inbox.units == []


@in_loop
async def test_each_key_is_confirmed_once_for_all_its_events() -> None:
    inbox = Inbox()
    await stored(inbox, [batched(0), batched(1), batched(2, "other")])

    (unit,) = inbox.units
    assert len(unit.keys) == 2
    assert unit.count == 3


@in_loop
async def test_events_whose_key_is_no_longer_valid_are_rejected_and_the_others_stored() -> None:
    inbox = Inbox(Unauthorized(TokenFault.INACTIVE))

    assert await stored(inbox, [batched(0, "gone"), batched(1), batched(2, "gone")]) == [
        ("rejected", "unauthorized"), ("accepted", None), ("rejected", "unauthorized"),
    ]  # fmt: skip
    assert inbox.users() == [["u0", "u1", "u2"], ["u1"]]


@in_loop
async def test_keys_that_keep_changing_ask_for_another_try() -> None:
    inbox = Inbox(*[Unauthorized(TokenFault.INACTIVE)] * 3)

    assert await stored(inbox, [batched(0)]) == [("retry", "not_ready")]
    assert len(inbox.units) == 3


@pytest.mark.parametrize("error", [InboxNotReplicated(), NotReady()])
@in_loop
async def test_a_write_that_failed_is_a_retry_for_each_of_its_events(error: WaybillError) -> None:
    repeated: list[Any] = [batched(0, key="a"), batched(1, key="a"), batched(2)]
    repeated[1].first = repeated[0]

    assert await stored(Inbox(error), repeated) == [("retry", error.code)] * 3
