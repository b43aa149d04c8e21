"""Describes a user's timeline: what happened and what was decided, in time order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from console.event_records import EventRecord
from console.lookup.attributions import AttributionRecord
from console.lookup.event_context import EventContext
from console.lookup.sessions import SessionRecord
from console.lookup.user_timeline import UserTimeline
from shared.countries import country_name
from shared.vocabulary import Lost, Rule

RULE_WORDS: Mapping[str, str] = {
    Rule.CLICK_ID: "click ID",
    Rule.DEVICE_ID: "device ID",
    Rule.ADDRESS_AND_DEVICE: "IP address and device",
    Rule.VIEW_DEVICE_ID: "device ID of an impression",
    Rule.VIEW_ADDRESS_AND_DEVICE: "IP address and device of an impression",
    Rule.ORGANIC: "no click matched",
}
LOST_WORDS: Mapping[str, str] = {
    Lost.EARLIER: "a later click matched by the same rule",
    Lost.LARGER_ID: "a click of the same millisecond has the smaller ID",
    Lost.WEAKER_RULE: "another click matched by a stronger rule",
    Lost.OUTSIDE_WINDOW: "older than the lookback window of its rule",
    Lost.NO_SOURCE: "it belongs to no link and names no source",
    Lost.SAME_SOURCE: "the user is already attributed to its source",
    Lost.BEFORE_STANDING: "older than the attribution in force",
    Lost.LESS_CERTAIN: "another click matched by the same rule with more certainty",
    Lost.CROWDED: "only the platform matches, and too many devices are behind the address",
    Lost.USED_UP: "it was credited to another user before, and the app credits a click once",
}


class Lane(StrEnum):
    """A row of the timeline. Entries of the same millisecond are in this order.

    First what happened, then what was decided.
    """

    CLICKS = "clicks"
    EVENTS = "events"
    SESSIONS = "sessions"
    ATTRIBUTIONS = "attributions"


_ORDER = list(Lane)


@dataclass(frozen=True)
class TimelineEntry:
    """An entry of the timeline.

    `end` is that of a session, `receipt` that of a click or event. A `superseded` attribution is no
    longer in force.
    """

    time: datetime
    lane: Lane
    kind: str
    lines: tuple[str, ...]
    end: datetime | None = None
    receipt: UUID | None = None
    superseded: bool = False


def timeline_entries(user: UserTimeline) -> list[TimelineEntry]:
    """Returns the entries of a user's timeline in time order."""
    return sorted(_entries(user), key=lambda entry: (entry.time, _ORDER.index(entry.lane)))


def format_instant(time: datetime) -> str:
    """Formats a time to the millisecond, the precision of decisions, with its zone."""
    utc = time.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03} UTC"


def _entries(user: UserTimeline) -> Iterator[TimelineEntry]:
    for click in user.clicks:
        source = f"from {click.origin}" if click.origin else "names no source"
        address = (f"IP address {click.ip_address}",) if click.ip_address else ()
        lines: tuple[str, ...] = (f"{click.click_id}, {click.role}", source, *address)
        yield TimelineEntry(click.event_time, Lane.CLICKS, click.kind, lines, receipt=click.receipt)
    for event in user.events:
        if event.event_time is not None:
            lines = tuple(_describe_event(event))
            yield TimelineEntry(
                event.event_time, Lane.EVENTS, event.kind, lines, receipt=event.receipt
            )
    for session in user.sessions:
        lines = (describe_session(session),)
        end = session.last_activity
        yield TimelineEntry(session.start_time, Lane.SESSIONS, "session", lines, end=end)
    for decision in user.attributions:
        yield TimelineEntry(
            decision.event_time,
            Lane.ATTRIBUTIONS,
            "attribution",
            tuple(describe_attribution(decision)),
            superseded=decision.superseded_at is not None,
        )


def _describe_event(event: EventRecord) -> Iterator[str]:
    amount = f", {event.sale_amount} {event.sale_amount_currency or ''}".rstrip()
    yield event.event_id + (amount if event.sale_amount else "")
    if event.click_id:
        yield f"names click {event.click_id}"
    if event.country:
        yield f"in {country_name(event.country)}"
    yield f"receipt ID {event.receipt}"


def describe_session(session: SessionRecord) -> str:
    seconds = (session.last_activity - session.start_time).total_seconds()
    return f"{seconds:,.0f} s; opens: {session.opens}, other events: {session.events}"


def describe_attribution(decision: AttributionRecord) -> Iterator[str]:
    if decision.superseded_at is not None:
        yield f"SUPERSEDED {format_instant(decision.superseded_at)} by later data"
    verb = "reattributed" if decision.is_reattribution else "attributed"
    rule = RULE_WORDS.get(decision.rule, decision.rule)
    if decision.click_id:
        yield f"{verb} to {decision.origin}, click {decision.click_id}, matched by {rule}"
    else:
        yield f"organic: {rule}"
    if decision.compared:
        yield f"devices compared: {decision.compared}; certainty: {decision.certainty}"
    if decision.through:
        yield f"matched through click {decision.through}, which recorded the same visitor"
    for click in decision.beaten:
        matched, reason = (
            RULE_WORDS.get(click.rule, click.rule),
            LOST_WORDS.get(click.lost, click.lost),
        )
        yield f"not credited: click {click.click_id}, matched by {matched}: {reason}"
    if unnamed := decision.considered - len(decision.beaten) - bool(decision.click_id):
        yield f"not credited: {unnamed:,} more clicks"
    decided = format_instant(decision.decided_at)
    yield f"decided {decided} by version {decision.rules_version} of the rules"


def describe_event_context(context: EventContext) -> Iterator[tuple[str, list[str]]]:
    """Yields what is known of an event's context, each part with its label."""
    if context.attribution is not None:
        yield "attribution", list(describe_attribution(context.attribution))
    if (conversion := context.conversion) is not None:
        sentence = "a conversion"
        if conversion.first is not None:
            sentence = (
                f"no conversion: {conversion.first} was the conversion, and "
                f"{conversion.event_type} converts once per click (multiple postbacks are off)"
            )
        yield "conversion", [sentence]
    if context.session is not None:
        start = f"started {format_instant(context.session.start_time)}"
        yield "session", [start, describe_session(context.session)]
    if context.brought:
        yield "brought", [user.user_id for user in context.brought]
