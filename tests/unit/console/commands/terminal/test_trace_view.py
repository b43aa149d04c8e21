from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.commands.terminal.trace_view import describe_trace
from console.lookup.event_context import EventContext
from console.lookup.sessions import SessionRecord
from console.lookup.trace import Trace, TraceState, parse_receipt
from console.pipeline.quarantine import QuarantineEntry
from shared.errors import OperatorError
from tests.unit.console.commands.terminal.test_user_view import DECISION
from tests.unit.console.demo.test_demo import NOW, PURCHASE, RECEIPT

RECORDED = Trace(RECEIPT, NOW, TraceState.RECORDED, event=PURCHASE)
ENTRY = QuarantineEntry(RECEIPT, "Demo", "killed_worker", "3 deliveries", 1, 1, NOW, None)


def sentence(trace: Trace) -> str:
    return str(describe_trace(trace)[0])


def test_each_state_has_its_sentence() -> None:
    assert sentence(RECORDED).endswith("recorded: the event is stored.")
    assert "not stored yet" in sentence(Trace(RECEIPT, NOW, TraceState.QUEUED, event=PURCHASE))
    assert "another installation" in sentence(Trace(RECEIPT, NOW, TraceState.UNKNOWN))
    assert "cannot have issued it" in sentence(Trace(RECEIPT, None, TraceState.UNKNOWN))


def test_an_unmapped_event_says_how_to_map_the_next() -> None:
    unmapped = Trace(RECEIPT, NOW, TraceState.RECORDED, event=replace(PURCHASE, unmapped=True))

    assert "Create one: it includes the events that were received before" in sentence(unmapped)
    assert "See `waybill event-type create`." in str(describe_trace(unmapped)[0])


def test_a_duplicate_names_its_first_and_shows_it() -> None:
    repeat = Trace(RECEIPT, NOW, TraceState.DUPLICATE, first=RECORDED, conflict=False)
    conflict = replace(repeat, conflict=True)

    assert f"it repeats {RECEIPT}" in sentence(repeat)
    assert "conflict" in sentence(conflict)
    assert describe_trace(repeat)[1] == sentence(RECORDED)


def test_quarantine_says_whether_it_was_replayed() -> None:
    out = Trace(RECEIPT, NOW, TraceState.QUARANTINED, quarantine=ENTRY)
    replayed = replace(
        out, quarantine=replace(ENTRY, replayed_at=datetime(2026, 11, 24, tzinfo=UTC))
    )

    assert "then replay it" in sentence(out)
    assert "See `waybill quarantine replay`." in str(describe_trace(out)[0])
    assert "waybill" not in str(describe_trace(replayed)[0])
    assert "replayed into the inbox" in sentence(replayed)


def test_a_receipt_is_read_with_spaces_around_it() -> None:
    assert parse_receipt(f" {RECEIPT}\n") == RECEIPT


@pytest.mark.parametrize("text", ["", "123", "not-a-receipt", "g" * 32])
def test_what_is_no_id_is_no_receipt(text: str) -> None:
    with pytest.raises(OperatorError, match="This is not a receipt ID"):
        parse_receipt(text)


def test_a_recorded_event_tells_its_attribution_and_its_session() -> None:
    placement = EventContext(1, DECISION, SessionRecord(NOW, NOW, 1, 3))

    _, _, placed = describe_trace(replace(RECORDED, placement=placement))

    cells = " ".join(str(cell) for column in placed.columns for cell in column.cells)  # type: ignore[union-attr]
    assert "by device ID" in cells
    assert "opens: 1, other events: 3" in cells
