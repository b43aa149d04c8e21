"""Prints the result of the demo: each request, its response, and the row that it became."""

from rich.table import Table

from console.commands.terminal.output import lines, table
from console.demo import calls
from console.demo.calls import DemoCall
from console.demo.demo import DemoRun, Outcome

RECEIPT_CHARACTERS = 36


def demo_table(played: DemoRun) -> Table:
    """Returns a table of two wide columns, readable on a terminal of 80 characters."""
    rows = [
        (
            lines([*request_lines(outcome.call), response_line(outcome)]),
            lines(row_lines(outcome)),
            "✓" if outcome.as_documented else "✗",
        )
        for outcome in played.outcomes
    ]
    trial = played.callback.trial
    answers = [f"→ {attempt.status} {attempt.answer}" for each in trial.deliveries
               for attempt in each.tries]  # fmt: skip
    rows.append(
        (
            lines([*played.callback.received, *answers] or ["no callback"]),
            lines([f"callback to {calls.PARTNER}", f"about {trial.user_id}"]),
            "✓" if played.callback.is_delivered else "✗",
        )
    )
    result = table(("request and response", "row", ""), rows)
    result.show_lines = True
    result.columns[1].min_width = RECEIPT_CHARACTERS
    return result


def demo_document(played: DemoRun) -> dict[str, object]:
    return {
        "as_documented": played.as_documented,
        "calls": [
            {
                "request": request_lines(outcome.call),
                "status": outcome.answer.status,
                "body": outcome.answer.body,
                "trace": outcome.trace,
                "as_documented": outcome.as_documented,
            }
            for outcome in played.outcomes
        ],
        "callback": played.callback,
        "start_seconds": round(played.start_seconds, 2),
        "calls_seconds": round(played.calls_seconds, 2),
    }


def demo_summary(played: DemoRun) -> str:
    verdict = (
        "Every result is as documented."
        if played.as_documented
        else "Some results differ from the documentation (✗)."
    )
    return (
        f"{verdict} Ready after {played.start_seconds:.1f} s; all results "
        f"{played.calls_seconds:.2f} s after the first call."
    )


def request_lines(call: DemoCall) -> list[str]:
    """Returns the request as Swaarm's page prints it."""
    return [f"{call.method} {call.target}", *(f"{name}: {value}" for name, value in call.headers)]


def response_line(outcome: Outcome) -> str:
    """Returns status and body, with the documented status if it is another one."""
    answer, documented = outcome.answer, outcome.call.status
    surprise = "" if answer.status == documented else f" (documented: {documented})"
    return f"→ {answer.status}{surprise} {answer.body}"


def row_lines(outcome: Outcome) -> list[str]:
    """Returns receipt, state and the main fields of the event; a refused call stores nothing."""
    trace = outcome.trace
    if trace is None:
        return ["none"]
    event = trace.event
    if event is None:
        return [str(trace.receipt), trace.state]
    if not event.user_id:
        return [str(trace.receipt), f"{trace.state}: {event.kind}", f"click ID {event.click_id}"]
    event_type = event.event_type or ("unmapped" if event.unmapped else "built in")
    return [
        str(trace.receipt),
        f"{trace.state}: {event.event_id} ({event_type})",
        f"user {event.user_id}",
        f"amount {event.sale_amount or 'none'}",
    ]
