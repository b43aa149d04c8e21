"""What the demo shows: each request, its answer, and the row that it became."""

from rich.table import Table

from console.commands.terminal.output import lines, table
from console.demo.calls import DemoCall
from console.demo.demo import DemoRun, Outcome
from console.event_records import EventRecord
from console.lookup.trace import TraceState

RECEIPT_CHARACTERS = 36


def played_table(played: DemoRun) -> Table:
    """Two wide columns, so that it can be read on a terminal of 80 characters."""
    made = table(
        ("request and answer", "row", ""),
        (
            (
                lines([*request_lines(outcome.call), answer_line(outcome)]),
                lines(row_lines(outcome)),
                "✓" if outcome.as_documented else "✗",
            )
            for outcome in played.outcomes
        ),
    )
    made.show_lines = True
    made.columns[1].min_width = RECEIPT_CHARACTERS
    return made


def played_document(played: DemoRun) -> dict[str, object]:
    return {
        "as_documented": played.as_documented,
        "calls": [_document(outcome) for outcome in played.outcomes],
        "start_seconds": round(played.start_seconds, 2),
        "calls_seconds": round(played.calls_seconds, 2),
    }


def played_summary(played: DemoRun) -> str:
    everything = "Everything" if played.as_documented else "Not everything"
    return (
        f"{everything} is as documented. Ready after {played.start_seconds:.1f} s, all rows "
        f"{played.calls_seconds:.2f} s after the first call."
    )


def _document(outcome: Outcome) -> dict[str, object]:
    return {
        "request": request_lines(outcome.call),
        "status": outcome.answer.status,
        "body": outcome.answer.body,
        "trace": outcome.trace,
        "as_documented": outcome.as_documented,
    }


def request_lines(call: DemoCall) -> list[str]:
    """As the page prints it."""
    return [f"{call.method} {call.target}", *(f"{name}: {value}" for name, value in call.headers)]


def answer_line(outcome: Outcome) -> str:
    """With the documented status, if it is another one."""
    answer, documented = outcome.answer, outcome.call.status
    surprise = "" if answer.status == documented else f" (documented: {documented})"
    return f"→ {answer.status}{surprise} {answer.body}"


def row_lines(outcome: Outcome) -> list[str]:
    """Receipt, state and what matters of the event; nothing was stored of a refused call."""
    found = outcome.trace
    if found is None:
        return ["none"]
    event = found.event
    if event is None:
        return [str(found.receipt), found.state]
    return [str(found.receipt), *_event_lines(found.state, event)]


def _event_lines(state: TraceState, event: EventRecord) -> list[str]:
    if not event.user_id:
        return [f"{state}: {event.kind}", f"click id {event.click_id}"]
    event_type = event.event_type or ("unmapped" if event.unmapped else "built in")
    return [
        f"{state}: {event.event_id} ({event_type})",
        f"user {event.user_id}",
        f"amount {event.sale_amount or 'none'}",
    ]
