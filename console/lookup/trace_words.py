"""Says in one sentence where an event is and what that means."""

from console.event_records import EventRecord
from console.lookup.trace import State, Trace
from console.pipeline.quarantine import Quarantined


def sentence(trace: Trace) -> str:
    """Where it is, and what that means."""
    match trace.state:
        case State.QUEUED:
            meaning = "on disk in the inbox, and not stored yet."
        case State.RECORDED:
            meaning = _recorded(trace.event)
        case State.DUPLICATE:
            meaning = _duplicate(trace)
        case State.QUARANTINED:
            meaning = _quarantined(trace.quarantine)
        case State.UNKNOWN:
            meaning = _unknown(trace)
    return f"{trace.receipt} {trace.state}: {meaning}"


def _unknown(trace: Trace) -> str:
    if trace.given_at is None:
        return "nothing here has this receipt, and Waybill cannot have given it. Check its letters."
    return (
        f"nothing here has this receipt of {trace.given_at:%F %T} UTC. It may be of another "
        "installation, or its data has been deleted since."
    )


def _recorded(event: EventRecord | None) -> str:
    if event is not None and event.unmapped:
        return (
            "the event is stored, unmapped: its app had no event type with this event_id. "
            "Make one: it claims what came before."
        )
    return "the event is stored."


def _duplicate(trace: Trace) -> str:
    first = trace.first.receipt if trace.first else ""
    if trace.conflict:
        return (
            f"its idempotency key had come before, with {first}, and with other data (a conflict). "
            "The first event holds; this one was not stored."
        )
    return f"it repeated {first}, which is the event."


def _quarantined(entry: Quarantined | None) -> str:
    if entry is not None and entry.replayed_at is not None:
        return "it could not be stored, and was put back into the inbox to be tried again."
    return "it could not be stored. Mend the cause, then replay it."
