"""Records what became of the events of a batch: counts, rejection log, integration check.

The same as of events that come alone, but bounded: of a thousand events the check keeps the last
fifty anyway, and of a thousand that are rejected for one reason a few entries tell it.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from ingest.authentication import Principal
from ingest.batches.batched_event import BatchedEvent, RefusedEvent
from ingest.batches.dialect_events import secret_names
from ingest.batches.verdict import EventOutcome, EventVerdict
from ingest.http.limits import BATCH_PATH
from ingest.parameters import Pair
from ingest.request_log.checks import RequestOutcome
from ingest.request_log.journal import UNREAD_MAX, RequestJournal
from ingest.request_log.rejections import without_secrets
from ingest.sent_pairs import pairs_of, read_pairs
from shared import metrics
from shared.integration_log import CHECK_ENTRIES_MAX, UnreadValue, unread_source
from shared.metrics import NO_REASON
from shared.redaction import MASK, redact
from shared.rejections import Rejection
from shared.tally import Counter as TallyCounter
from shared.tally import Tally

METHOD = "POST"

# Entries of one batch: each costs half a millisecond of masking, and the log holds few.
_ENTRIES_MAX = 20


class BatchJournal:
    """The counts and logs of the batches that are sent to one path."""

    def __init__(self, journal: RequestJournal, tally: Tally, path: str = BATCH_PATH) -> None:
        self._journal = journal
        self._tally = tally
        self._path = path
        self._counters: dict[tuple[EventOutcome, str], TallyCounter] = {}

    def record(
        self,
        principal: Principal,
        events: Sequence[BatchedEvent],
        refused: Sequence[RefusedEvent],
    ) -> None:
        """Records the events of a batch, all of which have their verdict."""
        rejections = self._journal.rejections
        verdicts = [batched.verdict for batched in events if batched.verdict is not None]
        failed = [verdict.code for verdict in verdicts if verdict.code is not None]
        verdicts += [entry.verdict for entry in refused]
        outcomes = Counter([(verdict.status, verdict.code) for verdict in verdicts])
        for (status, code), times in outcomes.items():
            self._count(status, code or NO_REASON, times)
        for failed_code in failed:
            rejections.add_count(failed_code)
        for number, entry in enumerate(refused):
            if number < _ENTRIES_MAX:
                rejections.add(
                    self._rejection(principal, entry),
                    _pairs(entry.text, secret_names(entry.dialect)),
                )
            else:
                rejections.add_count(_code(entry.verdict))
        last: list[BatchedEvent | RefusedEvent] = [
            *events[-CHECK_ENTRIES_MAX:],
            *refused[-CHECK_ENTRIES_MAX:],
        ]
        for item in sorted(last, key=lambda item: item.index)[-CHECK_ENTRIES_MAX:]:
            self._check(principal, item)
        items: list[BatchedEvent | RefusedEvent] = [*events, *refused]
        self._note_unread(principal, [item for item in items if item.unread])

    def _count(self, status: EventOutcome, code: str, times: int) -> None:
        counter = self._counters.get((status, code))
        if counter is None:
            counter = self._tally.counter(metrics.BATCH_EVENTS, str(status), code)
            self._counters[status, code] = counter
        counter.value += times

    def _rejection(self, principal: Principal, entry: RefusedEvent) -> Rejection:
        field = entry.verdict.field
        return Rejection(
            at_ms=self._journal.now(),
            endpoint=self._path,
            method=METHOD,
            status=entry.status,
            code=_code(entry.verdict),
            field=None if field is None else redact(field),
            app_id=principal.grant.app_id,
            parameters={},
        )

    def _check(self, principal: Principal, item: BatchedEvent | RefusedEvent) -> None:
        verdict = item.verdict
        assert verdict is not None  # all events of a batch are judged
        event = item.event if isinstance(item, BatchedEvent) and verdict.code is None else None
        field = verdict.field
        self._journal.checks.add(
            principal.grant.app_id if event is None else event.app_id,
            RequestOutcome(
                at_ms=self._journal.now(),
                dialect=item.dialect,
                endpoint=self._path,
                method=METHOD,
                status=200 if event is not None else item.status,
                token_id=principal.shown_token_id,
                scope=item.scope,
                event=event,
                fault=item.fault,
                code=verdict.code,
                field=None if field is None else redact(field),
            ),
        )

    def _note_unread(
        self, principal: Principal, items: Sequence[BatchedEvent | RefusedEvent]
    ) -> None:
        """Counts the values that were not used: each masked once, however many events had it."""
        counts: dict[tuple[int, int, UnreadValue], int] = {}
        for item in items:
            app_id, link_id = principal.grant.app_id, 0
            if isinstance(item, BatchedEvent):
                app_id, link_id = item.event.app_id, item.event.link_id or 0
            for unread in item.unread[:UNREAD_MAX]:
                key = app_id, link_id, unread
                if key in counts or len(counts) < _ENTRIES_MAX:
                    counts[key] = counts.get(key, 0) + 1
        token_id = principal.shown_token_id
        for (app_id, link_id, unread), times in counts.items():
            source = unread_source(self._path, link_id, token_id, unread)
            self._journal.checks.add_unread(app_id, source, times)


def _code(verdict: EventVerdict) -> str:
    return verdict.code or NO_REASON


def _pairs(text: bytes, secrets: frozenset[str]) -> list[Pair]:
    """Returns the fields of an event for the log, as far as it is an object, without its tokens."""
    try:
        values = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    match values.get("params"):
        case dict() as params:
            values["params"] = {name: MASK if name in secrets else params[name] for name in params}
        case str() as query:
            shown = without_secrets(pairs_of(read_pairs(query.encode(), b"")), secrets)
            values["params"] = b"&".join(b"%b=%b" % pair for pair in shown).decode(errors="replace")
    return [
        (name.encode(), value.encode() if isinstance(value, str) else msgspec.json.encode(value))
        for name, value in values.items()
    ]
