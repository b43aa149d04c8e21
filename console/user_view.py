"""A user's timeline in words: one line for each thing that happened, in time order."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from console.events import EventRecord
from console.output import lines, pairs, table
from console.users import AttributionRecord, BeatenClick, ClickRecord, SessionRecord, UserTimeline

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

# Of the same millisecond: what happened comes before what was made of it.
_CLICK, _EVENT, _SESSION, _ATTRIBUTION = range(4)

Row = tuple[datetime, int, str, Text]


def describe_user(user: UserTimeline) -> list[RenderableType]:
    rows = sorted(_rows(user), key=lambda row: row[:2])
    return [_head(user), table(("time", "", "what"), (_cells(row) for row in rows))]


def instant(moment: datetime) -> str:
    """To the millisecond, as decisions are, with its zone."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03} UTC"


def _head(user: UserTimeline) -> RenderableType:
    return pairs(
        (
            ("user", user.user_id),
            ("app", f"{user.app}, {user.environment}"),
            ("first seen", instant(user.first_time) if user.first_time else "not decided yet"),
            ("device ids", ", ".join(user.device_ids) or None),
        )
    )


def _cells(row: Row) -> tuple[str, str, Text]:
    moment, _, what, detail = row
    return instant(moment), what, detail


def _rows(user: UserTimeline) -> Iterator[Row]:
    for click in user.clicks:
        yield click.event_time, _CLICK, click.kind, lines(_click(click))
    for event in user.events:
        if event.event_time is not None:
            yield event.event_time, _EVENT, event.kind, lines(_event(event))
    for session in user.sessions:
        yield session.start_time, _SESSION, "session", lines([_session(session)])
    for decision in user.attributions:
        detail = lines(_attribution(decision))
        if decision.superseded_at is not None:
            detail.stylize("dim")
        yield decision.event_time, _ATTRIBUTION, "attribution", detail


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
    yield f"receipt {event.receipt}"


def _session(session: SessionRecord) -> str:
    seconds = (session.last_activity - session.start_time).total_seconds()
    return f"{seconds:,.0f} s; opens: {session.opens}, other events: {session.events}"


def _attribution(decision: AttributionRecord) -> Iterator[str]:
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


def _beaten(click: BeatenClick) -> str:
    rule, why = _RULES.get(click.rule, click.rule), _LOST.get(click.lost, click.lost)
    return f"beaten: click {click.click_id}, tied by {rule}: {why}"
