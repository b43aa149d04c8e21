"""Says in plain words who a user is, and why they are attributed as they are."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from console.lookup.attributions import AttributionRecord
from console.lookup.user_timeline import ClickRecord, UserTimeline
from shared.countries import country_name
from shared.vocabulary import Rule

_REASONS: Mapping[str, str] = {
    Rule.CLICK_ID: "their events named the ID of this {kind}",
    Rule.DEVICE_ID: "the {kind} had the same device ID",
    Rule.ADDRESS_AND_DEVICE: "the {kind} came from the same IP address and device",
    Rule.VIEW_DEVICE_ID: "the impression had the same device ID, and no click counted",
    Rule.VIEW_ADDRESS_AND_DEVICE: (
        "the impression came from the same IP address and device, and no click counted"
    ),
}
_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def describe_user(user: UserTimeline) -> list[str]:
    """Returns sentences: who this is, why they are attributed, and what they did last."""
    return [*_identity(user), *_attribution(user), *_latest(user)]


def span_text(span: timedelta) -> str:
    """Returns a span of time in its largest unit, such as "3 hours"."""
    for unit, name in _UNITS:
        if span >= unit:
            number = span // unit
            return f"{number} {name}{'s' if number != 1 else ''}"
    return "less than a second"


def _identity(user: UserTimeline) -> Iterator[str]:
    first = user.first_time
    seen = f"first seen on {first:%Y-%m-%d at %H:%M} UTC" if first else "not decided yet"
    countries = [event.country for event in user.events if event.country]
    place = f", last seen in {country_name(countries[-1])}" if countries else ""
    yield f"A user of {user.app} ({user.environment}), {seen}{place}."


def _attribution(user: UserTimeline) -> Iterator[str]:
    in_force = [each for each in user.attributions if each.superseded_at is None]
    if not in_force:
        yield "No attribution yet: workers decide within seconds of the first event."
        return
    decision = in_force[-1]
    if decision.origin is None:
        losers = len(decision.beaten)
        looked = (
            f"{losers} click{'s' if losers != 1 else ''} came close, and none could be credited"
            if losers
            else "no click or impression matched this user"
        )
        yield f"They are organic: {looked}."
        return
    verb = "were reattributed to" if decision.is_reattribution else "came through"
    clicks = {click.click_id: click for click in user.clicks}
    click = clicks.get(decision.click_id or "")
    kind = click.kind if click else "click"
    reason = _REASONS.get(decision.rule, "a {kind} matched").format(kind=kind)
    yield f"They {verb} {decision.origin}, because {reason}{_age(decision, click)}."
    if len(in_force) > 1:
        origin = in_force[-2].origin or "nobody (organic)"
        yield f"Before {decision.event_time:%Y-%m-%d} they belonged to {origin}."


def _age(decision: AttributionRecord, click: ClickRecord | None) -> str:
    if click is None or decision.event_time < click.event_time:
        return ""
    return f", {span_text(decision.event_time - click.event_time)} before"


def _latest(user: UserTimeline) -> Iterator[str]:
    times: list[tuple[datetime, str]] = [
        (event.event_time, event.event_type or event.event_id or event.kind)
        for event in user.events
        if event.event_time is not None
    ]
    if times:
        time, name = max(times)
        yield f"Their last event was {name}, on {time:%Y-%m-%d at %H:%M} UTC."
