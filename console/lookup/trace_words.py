"""Describes a trace in one sentence."""

from console.lookup.trace import Trace, TraceState


def trace_sentence(trace: Trace) -> str:
    """Returns a sentence with the state of the event and what it means."""
    first = trace.first.receipt if trace.first else ""
    match trace.state:
        case TraceState.QUEUED:
            meaning = "it is on disk in the inbox, and not stored yet."
        case TraceState.RECORDED if trace.event is not None and trace.event.unmapped:
            meaning = (
                "the event is stored, unmapped: its app had no event type with this event_id. "
                "Create one: it includes the events that were received before."
            )
        case TraceState.RECORDED:
            meaning = "the event is stored."
        case TraceState.DUPLICATE if trace.conflict:
            meaning = (
                f"its idempotency key was already used by {first}, with other data (a conflict). "
                "The first event counts; this one was not stored."
            )
        case TraceState.DUPLICATE:
            meaning = f"it repeats {first}, which is the stored event."
        case TraceState.QUARANTINED:
            replayed = "it could not be stored, and was replayed into the inbox to be tried again."
            pending = "it could not be stored. Fix the cause, then replay it."
            meaning = replayed if trace.quarantine and trace.quarantine.replayed_at else pending
        case TraceState.ERASED:
            meaning = (
                "it was not stored: it is of a person who was erased, or whose measurement is off."
            )
        case TraceState.UNKNOWN if trace.given_at is None:
            meaning = "nothing has this receipt ID, and Waybill cannot have issued it. Check it."
        case TraceState.UNKNOWN:
            meaning = (
                f"nothing has this receipt ID of {trace.given_at:%F %T} UTC. It may belong to "
                "another installation, or its data has since been deleted."
            )
    return f"{trace.receipt} {trace.state}: {meaning}"
