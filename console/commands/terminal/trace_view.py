"""Prints a trace: first the sentence that answers, then the details of the event."""

from dataclasses import fields

from rich.console import RenderableType

from console.commands.terminal.output import lines, pairs
from console.event_records import EventRecord, present_values
from console.lookup.timeline_words import describe_event_context
from console.lookup.trace import Trace, TraceState
from console.lookup.trace_words import trace_sentence
from console.pipeline.quarantine import QuarantineEntry


def describe_trace(trace: Trace) -> list[RenderableType]:
    sentences = [trace_sentence(trace)]
    if trace.quarantine is not None and not trace.quarantine.replayed_at:
        sentences.append("See `waybill quarantine replay`.")
    if trace.state is TraceState.RECORDED and trace.event is not None and trace.event.unmapped:
        sentences.append("See `waybill event-type create`.")
    parts: list[RenderableType] = [" ".join(sentences)]
    if trace.event is not None:
        parts.append(event_view(trace.event))
    context = dict(describe_event_context(trace.placement)) if trace.placement else {}
    if context:
        parts.append(pairs((name, lines(texts)) for name, texts in context.items()))
    if trace.quarantine is not None:
        parts.append(quarantine_view(trace.quarantine))
    if trace.first is not None:
        parts.extend(describe_trace(trace.first))
    return parts


def event_view(event: EventRecord) -> RenderableType:
    """Lists every value that the event has, under its column's name."""
    return pairs(present_values(event))


def quarantine_view(entry: QuarantineEntry) -> RenderableType:
    return pairs((column.name, getattr(entry, column.name)) for column in fields(entry))
