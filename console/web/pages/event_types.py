"""The page of an app's events: its event types, and the event IDs received without one."""

from console.apps.apps import App
from console.apps.event_types import (
    NewEventType,
    create_event_type,
    list_event_types,
    set_multiple_postbacks,
)
from console.apps.unmapped_events import list_unmapped
from console.reports.names import read_names
from console.web.lookups import event_type_of
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

UNMAPPED_SHOWN_MAX = 100


def show(request: PageRequest, app: App) -> Answer:
    names = read_names(request.connection, app)
    every_type = list_event_types(request.connection, app)
    shows_archived = "archived" in request.query
    values = {
        "shows_archived": shows_archived,
        "archived_count": sum(kind.archived_at is not None for kind in every_type),
        "event_names": {int(key): name for key, name in names.events.items() if key.isdecimal()},
        "event_types": [kind for kind in every_type if shows_archived or kind.archived_at is None],
        "unmapped": list_unmapped(request.connection, app, request.environment, UNMAPPED_SHOWN_MAX),
    }
    return Page("event_types.html", values)


def show_new(request: PageRequest, app: App) -> Answer:  # noqa: ARG001 - templates always get both
    return Page("event_type_new.html")


def create(request: PageRequest, app: App) -> Answer:
    new = NewEventType(
        request.form.get("mapping_id"),
        request.form.get("name"),
        request.form.get("event_token") or None,
        unique="unique" in request.form,
        multiple_postbacks="multiple" in request.form,
    )
    event_type = create_event_type(request.resources, request.actor, app, new)
    flash = (
        f"Event type {event_type.name} has been created. Earlier events with its mapping ID are "
        "assigned to it within a minute."
    )
    return Redirect(f"/apps/{app.id}/events", flash)


def change_postbacks(request: PageRequest, app: App, event_type_id: int) -> Answer:
    event_type = event_type_of(request.connection, app, event_type_id)
    turned_on = "multiple" in request.form
    set_multiple_postbacks(request.connection, request.actor, app, event_type, turned_on)
    flash = f"Multiple postbacks of {event_type.name} are {'on' if turned_on else 'off'}."
    return Redirect(f"/apps/{app.id}/events", flash)
