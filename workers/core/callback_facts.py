"""Defines what callbacks are derived from: endpoints, events of a user, and who is meant."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from shared.callbacks.activities import Activity, callback_id_text
from shared.vocabulary import Lost
from workers.core.attribution import Attribution
from workers.core.history import Moment, Origin

REJECTED = {
    Activity.INSTALL: Activity.REJECTED_INSTALL,
    Activity.REATTRIBUTION: Activity.REJECTED_REATTRIBUTION,
}


class EndpointRules(msgspec.Struct, frozen=True, kw_only=True):
    """The activities that an endpoint is to hear of; a type or link of None stands for all.

    `created_ms` is the time (Unix milliseconds) from which what is received counts.
    """

    id: int
    partner_id: int | None
    activities: frozenset[str]
    event_type_id: int | None = None
    link_id: int | None = None
    attributed_only: bool = False
    revenue_only: bool = False
    sandbox: bool = False
    created_ms: int = 0


class UserEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A single event of a user, received at `received_ms`.

    `repeats`: every one of its type is a conversion, not one per click.
    """

    moment: Moment
    received_ms: int
    kind: str
    event_type_id: int | None = None
    counted: bool = True
    repeats: bool = False
    has_revenue: bool = False
    imported: bool = False


class CallbackUser(msgspec.Struct, frozen=True):
    """The user whom callbacks are about."""

    app_id: int
    environment: str
    user_id: str

    def callback_id(self, activity: str, cause: str, endpoint: EndpointRules) -> str:
        """Derives the id of a callback about this user."""
        place = (self.app_id, self.environment)
        return callback_id_text(place, self.user_id, activity, cause, endpoint.id)


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback to one endpoint; `attribution` is in force then, None before the first.

    `outdated` is what an updated attribution replaces, and `corrects` the callback that told it:
    the update is due only if that one may have arrived.
    """

    id: str
    endpoint_id: int
    activity: Activity
    moment: Moment
    attribution: Attribution | None
    outdated: Attribution | None = None
    corrects: str | None = None
    withheld: str | None = None
    rejection: Lost | None = None


class CallbackContext(msgspec.Struct, frozen=True, dict=True):  # listeners are kept
    """The endpoints of an app, and the partner of each link that an attribution may name.

    `rejected` has the origins of clicks that were rejected, by environment and id, if an endpoint
    hears of them. `repeating` are the event types of which every event is a conversion.
    """

    endpoints: Sequence[EndpointRules]
    partners: Mapping[str, int]
    rejected: Mapping[tuple[str, str], Origin] = {}
    repeating: frozenset[int] = frozenset()

    @cached_property
    def listeners(self) -> Mapping[str, Sequence[EndpointRules]]:
        """Returns the endpoints of each activity that any of them is to hear of."""
        told = {activity for each in self.endpoints for activity in each.activities}
        return {
            activity: [each for each in self.endpoints if activity in each.activities]
            for activity in told
        }

    @cached_property
    def hears_rejections(self) -> bool:
        """Tells whether any endpoint is to hear of clicks that were rejected."""
        return any(each.activities.intersection(REJECTED.values()) for each in self.endpoints)
