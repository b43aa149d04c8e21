"""A trace in words: first the sentence that answers, then what is known of the event."""

from collections.abc import Iterator
from dataclasses import fields

from rich.console import RenderableType

from console.commands.terminal.output import lines, pairs
from console.event_records import EventRecord, values_of
from console.lookup.event_context import EventContext
from console.lookup.timeline_words import event_context_words
from console.lookup.trace import State, Trace
from console.pipeline.quarantine import Quarantined


def describe(trace: Trace) -> list[RenderableType]:
    parts: list[RenderableType] = [f"{sentence(trace)} {_hint(trace)}".rstrip()]
    if trace.event is not None:
        parts.append(event_view(trace.event))
    if trace.placement is not None:
        parts.extend(_placement(trace.placement))
    if trace.quarantine is not None:
        parts.append(quarantine_view(trace.quarantine))
    if trace.first is not None:
        parts.extend(describe(trace.first))
    return parts


def event_view(event: EventRecord) -> RenderableType:
    """Every value that the event has, under its column's name."""
    return pairs(values_of(event))


def quarantine_view(entry: Quarantined) -> RenderableType:
    return pairs((column.name, getattr(entry, column.name)) for column in fields(entry))


def _placement(placement: EventContext) -> Iterator[RenderableType]:
    told = dict(event_context_words(placement))
    if told:
        yield pairs((name, lines(texts)) for name, texts in told.items())


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


def _hint(trace: Trace) -> str:
    """Which command helps."""
    if trace.state is State.QUARANTINED and trace.quarantine and not trace.quarantine.replayed_at:
        return "See `waybill quarantine replay`."
    if trace.state is State.RECORDED and trace.event is not None and trace.event.unmapped:
        return "See `waybill event-type create`."
    return ""


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
