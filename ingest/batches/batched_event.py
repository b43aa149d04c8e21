"""Defines an event of a batch on its way: read, perhaps the same as an earlier one, and judged."""

from collections.abc import Sequence

import msgspec

from ingest.batches.verdict import EventOutcome, EventVerdict, failed
from ingest.credential_store import Key
from shared.errors import Unauthorized, WaybillError
from shared.events import Event
from shared.integration_log import UnreadValue
from shared.lines.recent_ids import RecentId
from shared.scopes import Scope
from shared.seen import SeenMarker
from shared.tokens import TokenFault

BATCH_NAME = "batch"  # in place of a dialect's name


class BatchedEvent(msgspec.Struct):
    """An event that was read. `first` is the earlier one of its batch that it repeats.

    `dialect`, `scope` and `unread`, the values that are not used, are for the integration check;
    `fault` is that of its token.
    """

    index: int
    event: Event
    encoded: bytes
    recent: RecentId | None
    key: Key
    scope: Scope = Scope.EVENTS
    dialect: str = BATCH_NAME
    marker: SeenMarker | None = None
    fault: TokenFault | None = None
    first: "BatchedEvent | None" = None
    verdict: EventVerdict | None = None
    unread: Sequence[UnreadValue] = ()

    @property
    def line_id(self) -> str | None:
        return self.event.idempotency_key

    @property
    def status(self) -> int:
        """Returns the status that a request of its own would get if it is not stored."""
        is_retry = self.verdict is not None and self.verdict.status is EventOutcome.RETRY
        return 503 if is_retry else 401


class RefusedEvent(msgspec.Struct):
    """An event that was refused, with as much of it as was understood."""

    index: int
    text: bytes
    verdict: EventVerdict
    status: int
    scope: Scope
    dialect: str
    fault: TokenFault | None = None
    unread: Sequence[UnreadValue] = ()


def refused_event(
    index: int, text: bytes, error: WaybillError, line_id: str | None, dialect: str
) -> RefusedEvent:
    """Returns an event that was refused by this error."""
    return RefusedEvent(
        index=index,
        text=text,
        verdict=failed(index, line_id, error),
        status=error.status,
        scope=Scope.EVENTS,
        dialect=dialect,
        fault=error.fault if isinstance(error, Unauthorized) else None,
    )
