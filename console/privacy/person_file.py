"""Writes everything that is stored about a person into one document."""

from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import Delivery, list_deliveries
from console.event_records import EventRecord, record_from_event
from console.lookup.user_timeline import UserTimeline, user_timeline
from console.resources import Resources
from shared.database import run, transaction
from shared.errors import OperatorError
from shared.events import decode_events
from shared.privacy.identities import PersonId, ids_of_event
from shared.privacy.sharing import SharingChoice
from shared.privacy.sharing_choices import find_sharing_choice
from shared.privacy.subject import Subject, find_subject
from shared.privacy.tombstones import read_tombstone_key
from shared.rejections import Rejection, recent_rejections

_ALL = 1_000_000  # rows of a kind of one person; more would not fit into one file
_REJECTIONS_MAX = 100_000
_QUARANTINE = """
SELECT events FROM quarantine
WHERE app_id = %s AND wire_version = 1 AND replayed_at IS NULL ORDER BY receipt
"""


@dataclass(frozen=True)
class PersonFile:
    """Everything that is stored about one person in one app."""

    app: str
    users: list[UserTimeline]
    callbacks: list[Delivery]
    sharing: SharingChoice | None
    in_quarantine: list[EventRecord]
    rejections: list[Rejection]


def export_person(resources: Resources, actor: Actor, app: App, ids: list[PersonId]) -> PersonFile:
    """Collects what is stored about the person with these ids.

    Raises OperatorError if nothing is, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    subject = find_subject(connection, app.id, ids)
    waiting = _in_quarantine(resources, app, subject)
    if not subject.users and not subject.clicks and not waiting:
        raise OperatorError(
            "Nothing of this person is stored in this app. Check the ID, letter by letter."
        )
    with transaction(connection):
        change = Change(Action.USER_EXPORT, app.name, None, {"users": len(subject.users)})
        record_change(connection, actor, app.id, change)
    key = read_tombstone_key(connection, resources.secret_key)
    texts = {identity.value.lower() for identity in subject.ids}
    # A refused request of nobody may be of any app: who is bound to one app does not get it.
    refused_of = {app.id} if actor.app_id is not None else {app.id, None}
    return PersonFile(
        app=app.name,
        users=[
            user_timeline(connection, app, user.environment, user.user_id, _ALL)
            for user in subject.users
        ],
        callbacks=[
            delivery
            for user in subject.users
            for delivery in list_deliveries(
                connection,
                app,
                DeliveryFilter(user_id=user.user_id, environment=user.environment),
                _ALL,
            )
        ],
        sharing=(
            find_sharing_choice(connection, key, app.id, subject.ids) if key is not None else None
        ),
        in_quarantine=waiting,
        rejections=[
            rejection
            for rejection in recent_rejections(resources.redis, _REJECTIONS_MAX)
            if rejection.app_id in refused_of
            and any(value.lower() in texts for value in rejection.parameters.values())
        ],
    )


def _in_quarantine(resources: Resources, app: App, subject: Subject) -> list[EventRecord]:
    return [
        record_from_event(event, {app.id: app.name})
        for (raw,) in run(resources.connection, _QUARANTINE, (app.id,))
        for event in decode_events(bytes(raw))
        if not subject.ids.isdisjoint(ids_of_event(event))
    ]
