"""Writes everything that is stored about a person into one document."""

from collections.abc import Iterable
from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import Delivery, list_deliveries
from console.event_records import EventRecord, record_from_event
from console.lookup.user_timeline import (
    ClickRecord,
    ClickRole,
    UserTimeline,
    find_clicks,
    user_timeline,
)
from console.resources import Resources
from shared.database import transaction
from shared.errors import OperatorError
from shared.names.invisible import trimmed
from shared.privacy.copies import quarantined_events
from shared.privacy.identities import PersonId, id_digest, ids_of_event
from shared.privacy.person import find_person
from shared.privacy.sharing import SharingChoice
from shared.privacy.sharing_choices import find_sharing_choice
from shared.privacy.subject import Subject
from shared.privacy.tombstones import read_tombstone_key, unmeasured
from shared.rejections import Rejection, recent_rejections

_ALL = 1_000_000  # rows of a kind of one person; more would not fit into one file
_REJECTIONS_MAX = 100_000


@dataclass(frozen=True)
class PersonFile:
    """Everything that is stored about one person in one app.

    `clicks` are those of the person's devices that no user's timeline has. `measured` is false
    where measurement was switched off.
    """

    app: str
    users: list[UserTimeline]
    clicks: list[ClickRecord]
    callbacks: list[Delivery]
    sharing: SharingChoice | None
    measured: bool
    in_quarantine: list[EventRecord]
    rejections: list[Rejection]


def export_person(resources: Resources, actor: Actor, app: App, ids: list[PersonId]) -> PersonFile:
    """Collects what is stored about the person with these ids.

    Raises OperatorError if nothing is, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    subject = find_person(connection, app.id, ids)
    sharing, is_measured = _choices(resources, app, subject)
    users = [
        user_timeline(connection, app, user.environment, user.user_id, _ALL)
        for user in subject.users
    ]
    file = PersonFile(
        app=app.name,
        users=users,
        clicks=_other_clicks(resources, app, subject, users),
        callbacks=_callbacks(resources, app, subject),
        sharing=sharing,
        measured=is_measured,
        in_quarantine=_in_quarantine(resources, app, subject),
        rejections=_rejections(resources, actor, app, subject),
    )
    if file == PersonFile(app.name, [], [], [], None, True, [], []):
        raise OperatorError(
            "Nothing of this person is stored in this app. Check the ID, letter by letter."
        )
    with transaction(connection):
        change = Change(Action.USER_EXPORT, app.name, None, {"users": len(subject.users)})
        record_change(connection, actor, app.id, change)
    return file


def _other_clicks(
    resources: Resources, app: App, subject: Subject, users: Iterable[UserTimeline]
) -> list[ClickRecord]:
    shown = {(user.environment, click.click_id) for user in users for click in user.clicks}
    others: dict[str, dict[str, ClickRole]] = {}
    for click in subject.clicks:
        if (click.environment, click.click_id) not in shown:
            others.setdefault(click.environment, {})[click.click_id] = ClickRole.OWN
    return [
        record
        for environment, roles in sorted(others.items())
        for record in find_clicks(resources.connection, app, environment, roles, _ALL)
    ]


def _callbacks(resources: Resources, app: App, subject: Subject) -> list[Delivery]:
    """Returns the callbacks about the person's users, and those about their clicks."""
    wanted = [
        DeliveryFilter(user_id=user.user_id, environment=user.environment) for user in subject.users
    ]
    for click in subject.clicks:
        wanted.append(DeliveryFilter(click_id=click.click_id, environment=click.environment))
        wanted.append(DeliveryFilter(receipt=click.receipt, environment=click.environment))
    found = {
        delivery.id: delivery
        for each in wanted
        for delivery in list_deliveries(resources.connection, app, each, _ALL)
    }
    return sorted(found.values(), key=lambda each: (each.created_at, each.id), reverse=True)


def _choices(resources: Resources, app: App, subject: Subject) -> tuple[SharingChoice | None, bool]:
    """Returns the choice about third parties, and whether the person is measured."""
    connection = resources.connection
    key = read_tombstone_key(connection, resources.secret_key)
    if key is None:
        return None, True
    digests = [id_digest(key, app.id, each) for each in subject.ids]
    sharing = find_sharing_choice(connection, key, app.id, subject.ids)
    return sharing, not unmeasured(connection, digests)


def _in_quarantine(resources: Resources, app: App, subject: Subject) -> list[EventRecord]:
    return [
        record_from_event(event, {app.id: app.name})
        for event in quarantined_events(resources.connection, app.id)
        if not subject.ids.isdisjoint(ids_of_event(event))
    ]


def _rejections(resources: Resources, actor: Actor, app: App, subject: Subject) -> list[Rejection]:
    texts = {identity.value.casefold() for identity in subject.ids}
    # A refused request of nobody may be of any app: who is bound to one app does not get it.
    refused_of = {app.id} if actor.app_id is not None else {app.id, None}
    return [
        rejection
        for rejection in recent_rejections(resources.redis, _REJECTIONS_MAX)
        if rejection.app_id in refused_of
        and any(trimmed(value).casefold() in texts for value in rejection.parameters.values())
    ]
