"""A user's timeline in words: what happened and what was made of it, one moment after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from console.event_records import EventRecord
from console.lookup.attributions import AttributionRecord, BeatenClick
from console.lookup.conversions import Conversion
from console.lookup.event_context import EventContext
from console.lookup.sessions import SessionRecord
from console.lookup.user_timeline import ClickRecord, UserTimeline
from shared.countries import country_name

_RULES = {
    "click_id": "the click's id",
    "device_id": "a device id",
    "address_and_device": "address and device",
    "organic": "nothing matched",
}
_LOST = {
    "earlier": "a later click matched by the same rule",
    "larger_id": "a click of the same millisecond has the smaller id",
    "weaker_rule": "another click matched by a rule that comes first",
    "outside_window": "too old for the rule that ties it",
    "no_source": "it belongs to no link and names no source",
    "same_source": "the user is attributed to its source already",
    "before_standing": "older than the attribution in force",
}


class Lane(StrEnum):
    """Of the same millisecond, in this order: what happened, then what was made of it."""

    CLICKS = "clicks"
    EVENTS = "events"
    SESSIONS = "sessions"
    ATTRIBUTIONS = "attributions"


_ORDER = list(Lane)


@dataclass(frozen=True)
class TimelineEntry:
    """`end` is of a session; `receipt` of what happened. `superseded`: it holds no more."""

    time: datetime
    lane: Lane
    kind: str
    lines: tuple[str, ...]
    end: datetime | None = None
    receipt: UUID | None = None
    superseded: bool = False


def moments(user: UserTimeline) -> list[TimelineEntry]:
    """In time order."""
    return sorted(_moments(user), key=lambda moment: (moment.time, _ORDER.index(moment.lane)))


def instant(moment: datetime) -> str:
    """To the millisecond, as decisions are, with its zone."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03} UTC"


def _moments(user: UserTimeline) -> Iterator[TimelineEntry]:
    for click in user.clicks:
        lines = tuple(_click(click))
        yield TimelineEntry(click.event_time, Lane.CLICKS, click.kind, lines, receipt=click.receipt)
    for event in user.events:
        if event.event_time is not None:
            lines = tuple(_event(event))
            yield TimelineEntry(
                event.event_time, Lane.EVENTS, event.kind, lines, receipt=event.receipt
            )
    for session in user.sessions:
        lines = (session_words(session),)
        end = session.last_activity
        yield TimelineEntry(session.start_time, Lane.SESSIONS, "session", lines, end=end)
    for decision in user.attributions:
        yield TimelineEntry(
            decision.event_time,
            Lane.ATTRIBUTIONS,
            "attribution",
            tuple(attribution_words(decision)),
            superseded=decision.superseded_at is not None,
        )


def _click(click: ClickRecord) -> Iterator[str]:
    yield f"{click.click_id}, {click.role}"
    yield f"from {click.origin}" if click.origin else "names no source"
    if click.ip_address:
        yield f"address {click.ip_address}"


def _event(event: EventRecord) -> Iterator[str]:
    amount = f", {event.sale_amount} {event.sale_amount_currency or ''}".rstrip()
    yield event.event_id + (amount if event.sale_amount else "")
    if event.click_id:
        yield f"names click {event.click_id}"
    if event.country:
        yield f"in {country_name(event.country)}"
    yield f"receipt {event.receipt}"


def session_words(session: SessionRecord) -> str:
    seconds = (session.last_activity - session.start_time).total_seconds()
    return f"{seconds:,.0f} s; opens: {session.opens}, other events: {session.events}"


def attribution_words(decision: AttributionRecord) -> Iterator[str]:
    if decision.superseded_at is not None:
        yield f"SUPERSEDED {instant(decision.superseded_at)}: a late fact changed it"
    again = "attributed again" if decision.is_reattribution else "attributed"
    rule = _RULES.get(decision.rule, decision.rule)
    if decision.click_id:
        yield f"{again} to {decision.origin}, click {decision.click_id}, by {rule}"
    else:
        yield f"organic: {rule}"
    if decision.through:
        yield f"found through click {decision.through}, which lent what it saw of the visitor"
    yield from (_beaten(click) for click in decision.beaten)
    if unnamed := decision.considered - len(decision.beaten) - bool(decision.click_id):
        yield f"beaten: {unnamed:,} more"
    yield f"decided {instant(decision.decided_at)} by version {decision.rules_version} of the rules"


def _conversion_words(conversion: Conversion) -> str:
    if conversion.first is None:
        return "a conversion"
    return (
        f"none: {conversion.first} was it, and {conversion.event_type} converts once a click "
        "(multiple postbacks are off)"
    )


def _beaten(click: BeatenClick) -> str:
    rule, why = _RULES.get(click.rule, click.rule), _LOST.get(click.lost, click.lost)
    return f"beaten: click {click.click_id}, tied by {rule}: {why}"


def event_context_words(placement: EventContext) -> Iterator[tuple[str, list[str]]]:
    """What is known of where an event stands, by what it is."""
    if placement.attribution is not None:
        yield "attribution", list(attribution_words(placement.attribution))
    if placement.conversion is not None:
        yield "conversion", [_conversion_words(placement.conversion)]
    if placement.session is not None:
        began = f"began {instant(placement.session.start_time)}"
        yield "session", [began, session_words(placement.session)]
    if placement.brought:
        yield "brought", [each.user_id for each in placement.brought]
