"""Defines the verdict on each event of a batch, and writes the answer."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from ingest.dialects.dialect import Reply
from shared.errors import RequestError, Unavailable, WaybillError


class EventOutcome(StrEnum):
    """The outcomes that an event of a batch may have."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    RETRY = "retry"


class EventVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict on the event at `index`, counted from 0; `id` is the sender's own.

    `receipt` is that of the event, if it was written. A duplicate has the receipt of the first
    event with its ID, and a `conflict` if that says something else.
    """

    index: int
    status: EventOutcome
    id: str | None = None
    receipt: UUID | None = None
    first_receipt: UUID | None = None
    conflict: bool = False
    code: str | None = None
    field: str | None = None
    message: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    accepted: int
    duplicate: int
    rejected: int
    retry: int
    validate_only: bool
    results: Sequence[EventVerdict]


_FAILED = frozenset({EventOutcome.REJECTED, EventOutcome.RETRY})
_encoder = msgspec.json.Encoder()


def failed(index: int, line_id: str | None, error: WaybillError) -> EventVerdict:
    """Returns the verdict on an event that was refused, or that could not be stored."""
    return EventVerdict(
        index,
        EventOutcome.RETRY if isinstance(error, Unavailable) else EventOutcome.REJECTED,
        line_id,
        code=error.code,
        field=error.field if isinstance(error, RequestError) else None,
        message=error.message,
    )


def count_outcomes(verdicts: Sequence[EventVerdict]) -> Counter[EventOutcome]:
    """Counts the verdicts by outcome."""
    return Counter([verdict.status for verdict in verdicts])


def batch_reply(
    verdicts: Sequence[EventVerdict], *, failed_only: bool, validate_only: bool
) -> Reply:
    """Answers a batch that was read, whatever became of its events."""
    counts = count_outcomes(verdicts)
    shown = verdicts
    if failed_only:
        shown = [verdict for verdict in verdicts if verdict.status in _FAILED or verdict.conflict]
    answer = _Answer(
        accepted=counts[EventOutcome.ACCEPTED],
        duplicate=counts[EventOutcome.DUPLICATE],
        rejected=counts[EventOutcome.REJECTED],
        retry=counts[EventOutcome.RETRY],
        validate_only=validate_only,
        results=shown,
    )
    return Reply(200, _encoder.encode(answer))
