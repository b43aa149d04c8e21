"""Derives the callbacks that are due for a user from what was decided and what they did.

The answer depends on the facts alone, not on the order in which they came. A callback's id is
derived from what it is about: an install is told once to an endpoint, a reattribution once for the
click that caused it, and a conversion once for its click and event type, whichever event it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from shared.callbacks.activities import Activity
from shared.vocabulary import Lost
from workers.core.attribution import Attribution, attribution_at
from workers.core.callback_facts import (
    REJECTED,
    Callback,
    CallbackContext,
    CallbackUser,
    EndpointRules,
    UserEvent,
)
from workers.core.history import OriginKind, SignalKind

SANDBOX, IMPORTED = "sandbox", "imported"  # why a callback is withheld
# The members by themselves: Python 3.11 looks one up in its class for 0.2 us, and all of them are
# needed for each event.
_INSTALL, _REATTRIBUTION, _EVENT = Activity.INSTALL, Activity.REATTRIBUTION, Activity.EVENT
_SESSION, _AD_REVENUE = Activity.SESSION, Activity.AD_REVENUE
_OPEN, _AD_REVENUE_KIND = SignalKind.OPEN, SignalKind.AD_REVENUE
_EVENT_KIND, _LINK = SignalKind.EVENT, OriginKind.LINK
# A click that lost for these reasons would have lost to nobody: it is rejected.
REJECTIONS = frozenset({Lost.OUTSIDE_WINDOW, Lost.CROWDED, Lost.USED_UP})


def due_callbacks(
    user: CallbackUser,
    attributions: Sequence[Attribution],
    events: Sequence[UserEvent],
    context: CallbackContext,
    *,
    counted_only: bool = True,
) -> dict[str, Callback]:
    """Finds the callbacks that these events cause, under these attributions (in order), by id.

    Of several events for one callback the earliest is told. Without `counted_only` repeats of a
    unique event are taken for events that count.
    """
    starts = {attribution.moment: attribution for attribution in attributions}
    listeners = context.listeners
    found: dict[str, Callback] = {}
    for event in sorted(events, key=lambda each: each.moment) if len(events) > 1 else events:
        start = starts.get(event.moment)
        activities = [] if start is None else [_start(start)]
        is_repeat = counted_only and not event.counted and event.kind == _EVENT_KIND
        if not is_repeat and (own := _own_activity(event)) is not None:
            activities.append(own)
        told = [(each, endpoint) for each in activities for endpoint in listeners.get(each, ())]
        standing = attribution_at(attributions, event.moment) if told else None
        for activity, endpoint in told:
            if _is_wanted(endpoint, activity, event, standing, context.partners):
                made = _callback(user, endpoint, activity, event, standing)
                found.setdefault(made.id, made)
        if context.rejected and start is not None:
            found.update(_rejections(user, event, start, context))
    return found


def rejected_clicks(attributions: Iterable[Attribution]) -> set[str]:
    """Returns the ids of the clicks that were rejected."""
    return {
        beaten.click_id
        for attribution in attributions
        for beaten in attribution.beaten
        if beaten.lost in REJECTIONS
    }


def _rejections(
    user: CallbackUser, event: UserEvent, attribution: Attribution, context: CallbackContext
) -> Iterator[tuple[str, Callback]]:
    """Yields what is told of the clicks that an attribution rejected, as if they were credited."""
    activity = REJECTED[_start(attribution)]
    for beaten in attribution.beaten:
        origin = context.rejected.get((user.environment, beaten.click_id))
        if beaten.lost not in REJECTIONS or origin is None:
            continue
        refused = replace(attribution, rule=beaten.rule, click_id=beaten.click_id, origin=origin)
        for endpoint in context.listeners.get(activity, ()):
            if _is_wanted(endpoint, activity, event, refused, context.partners):
                made = _callback(user, endpoint, activity, event, refused)
                yield made.id, replace(made, rejection=beaten.lost)


def updated_attributions(
    user: CallbackUser,
    superseded: Iterable[Attribution],
    attributions: Sequence[Attribution],
    events: Sequence[UserEvent],
    context: CallbackContext,
) -> dict[str, Callback]:
    """Finds the callbacks that correct what endpoints were told of superseded attributions."""
    by_moment = {event.moment: event for event in events}
    found: dict[str, Callback] = {}
    for outdated in superseded:
        standing = attribution_at(attributions, outdated.moment)
        event = by_moment.get(outdated.moment)
        if standing is None or event is None or _credit(standing) == _credit(outdated):
            continue
        is_attributed = standing.origin is not None or outdated.origin is not None
        for endpoint in context.endpoints:
            if (
                Activity.ATTRIBUTION_UPDATED in endpoint.activities
                and _is_known_to(endpoint, event)
                and (is_attributed or not endpoint.attributed_only)
            ):
                made = _update(user, endpoint, event, standing, outdated)
                found[made.id] = made
    return found


def _own_activity(event: UserEvent) -> Activity | None:
    """Returns what an event is by itself, whatever it starts."""
    if event.kind == _OPEN:
        return _SESSION
    if event.kind == _AD_REVENUE_KIND:
        return _AD_REVENUE
    return _EVENT if event.event_type_id is not None else None


def _start(attribution: Attribution) -> Activity:
    return _REATTRIBUTION if attribution.is_reattribution else _INSTALL


def _is_wanted(
    endpoint: EndpointRules,
    activity: Activity,
    event: UserEvent,
    standing: Attribution | None,
    partners: Mapping[str, int],
) -> bool:
    if not _is_known_to(endpoint, event):
        return False
    if activity is _EVENT and endpoint.event_type_id not in {None, event.event_type_id}:
        return False
    if endpoint.revenue_only and not event.has_revenue:
        return False
    origin = standing.origin if standing else None
    link = origin.name if origin and origin.kind is _LINK else None
    if endpoint.link_id is not None and link != str(endpoint.link_id):
        return False
    if endpoint.partner_id is not None:
        return link is not None and partners.get(link) == endpoint.partner_id
    return not endpoint.attributed_only or origin is not None


def _is_known_to(endpoint: EndpointRules, event: UserEvent) -> bool:
    """Tells whether the event was received since the endpoint exists."""
    return event.received_ms >= endpoint.created_ms


def _callback(
    user: CallbackUser,
    endpoint: EndpointRules,
    activity: Activity,
    event: UserEvent,
    standing: Attribution | None,
) -> Callback:
    cause = event.moment.receipt
    # Most often what happened is told for itself, and nothing else decides its cause.
    if endpoint.partner_id is not None or activity is not _EVENT:
        cause = _cause(endpoint, activity, event, standing)
    return Callback(
        id=user.callback_id(activity, cause, endpoint),
        endpoint_id=endpoint.id,
        activity=activity,
        moment=event.moment,
        attribution=standing,
        withheld=_withheld(user, endpoint, event),
    )


def _cause(
    endpoint: EndpointRules,
    activity: Activity,
    event: UserEvent,
    standing: Attribution | None,
) -> str:
    """Returns what tells one activity of a user from another, for this endpoint."""
    if activity is _INSTALL:
        return ""
    if activity is _REATTRIBUTION or activity in REJECTED.values():
        return (standing.click_id or "") if standing else ""
    is_conversion = endpoint.partner_id is not None and not event.repeats
    if activity is _EVENT and is_conversion and standing is not None:
        return f"{event.event_type_id} {standing.click_id}"
    return event.moment.receipt


def _withheld(user: CallbackUser, endpoint: EndpointRules, event: UserEvent) -> str | None:
    if event.imported:
        return IMPORTED
    return SANDBOX if user.environment == SANDBOX and not endpoint.sandbox else None


def _update(
    user: CallbackUser,
    endpoint: EndpointRules,
    event: UserEvent,
    standing: Attribution,
    outdated: Attribution,
) -> Callback:
    told = _start(outdated)
    corrected = _cause(endpoint, told, event, outdated)
    # `considered` grows with the facts, so that a source that comes back is told again.
    cause = f"{standing.moment.receipt} {standing.click_id} {outdated.click_id} " + str(
        standing.considered
    )
    is_told = told in endpoint.activities
    return Callback(
        id=user.callback_id(Activity.ATTRIBUTION_UPDATED, cause, endpoint),
        endpoint_id=endpoint.id,
        activity=Activity.ATTRIBUTION_UPDATED,
        moment=standing.moment,
        attribution=standing,
        outdated=outdated,
        corrects=user.callback_id(told, corrected, endpoint) if is_told else None,
        withheld=_withheld(user, endpoint, event),
    )


def _credit(attribution: Attribution) -> tuple[object, str | None]:
    return (attribution.origin, attribution.click_id)
