"""Pages that rename, archive and restore: partners, and forms of apps, event types and links."""

from console.apps.apps import App
from console.apps.archive import (
    Archivable,
    archive,
    rename,
    require_typed,
    restore,
    set_destination,
)
from console.apps.links import list_partners
from console.reports.names import read_names
from console.web.lookups import event_type_of, link_of
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect


def archive_app(request: PageRequest, app: App) -> Answer:
    require_typed(app.name, request.form.get("confirm"))
    archive(request.resources, request.actor, Archivable.APP, app.id)
    flash = f"App {app.name} is archived: within a second, nothing is accepted for it any more."
    return Redirect(f"/apps/{app.id}/settings", flash)


def restore_app(request: PageRequest, app: App) -> Answer:
    restore(request.resources, request.actor, Archivable.APP, app.id)
    flash = f"App {app.name} is restored: its tokens and links work again within a second."
    return Redirect(f"/apps/{app.id}/settings", flash)


def show_event_type(request: PageRequest, app: App, event_type_id: int) -> Answer:
    names = read_names(request.connection, app)
    values = {
        "event_type": event_type_of(request.connection, app, event_type_id),
        "shown_name": names.event(str(event_type_id)),
    }
    return Page("event_type.html", values)


def rename_event_type(request: PageRequest, app: App, event_type_id: int) -> Answer:
    event_type_of(request.connection, app, event_type_id)
    name = request.form.get("name")
    subject = rename(request.resources, request.actor, Archivable.EVENT_TYPE, event_type_id, name)
    flash = f"The event type is called {subject.name} from now on, in reports of the past as well."
    return Redirect(f"/apps/{app.id}/events/{event_type_id}", flash)


def archive_event_type(request: PageRequest, app: App, event_type_id: int) -> Answer:
    event_type_of(request.connection, app, event_type_id)
    subject = archive(request.resources, request.actor, Archivable.EVENT_TYPE, event_type_id)
    flash = f"{subject.name} is archived. Its events count on; restore it at any time."
    return Redirect(f"/apps/{app.id}/events/{event_type_id}", flash)


def restore_event_type(request: PageRequest, app: App, event_type_id: int) -> Answer:
    event_type_of(request.connection, app, event_type_id)
    subject = restore(request.resources, request.actor, Archivable.EVENT_TYPE, event_type_id)
    return Redirect(f"/apps/{app.id}/events/{event_type_id}", f"{subject.name} is restored.")


def edit_link(request: PageRequest, app: App, link_id: int) -> Answer:
    """Changes a link's name and destination."""
    link_of(request.connection, app, link_id)
    destination = request.form.get("destination")
    set_destination(request.resources, request.actor, link_id, destination)
    name = request.form.get("name")
    link = rename(request.resources, request.actor, Archivable.LINK, link_id, name)
    flash = f"{link.name} is saved. It leads to this destination within a second."
    return Redirect(f"/apps/{app.id}/links/{link_id}", flash)


def archive_link(request: PageRequest, app: App, link_id: int) -> Answer:
    link_of(request.connection, app, link_id)
    link = archive(request.resources, request.actor, Archivable.LINK, link_id)
    flash = (
        f"{link.name} is archived. Whoever follows it is still redirected; their clicks are not "
        "stored."
    )
    return Redirect(f"/apps/{app.id}/links/{link_id}", flash)


def restore_link(request: PageRequest, app: App, link_id: int) -> Answer:
    link = link_of(request.connection, app, link_id)
    restore(request.resources, request.actor, Archivable.LINK, link_id)
    return Redirect(f"/apps/{app.id}/links/{link_id}", f"{link.name} is restored.")


def show_partners(request: PageRequest) -> Answer:
    return Page("partners.html", {"partners": list_partners(request.connection)})


def show_partner(request: PageRequest, partner_id: int) -> Answer:
    for partner in list_partners(request.connection):
        if partner.id == partner_id:
            return Page("partner.html", {"partner": partner})
    raise NotFound("There is no such partner.")


def rename_partner(request: PageRequest, partner_id: int) -> Answer:
    name = request.form.get("name")
    partner = rename(request.resources, request.actor, Archivable.PARTNER, partner_id, name)
    flash = f"The partner is called {partner.name} from now on, in reports of the past as well."
    return Redirect(f"/partners/{partner_id}", flash)


def archive_partner(request: PageRequest, partner_id: int) -> Answer:
    partner = archive(request.resources, request.actor, Archivable.PARTNER, partner_id)
    flash = (
        f"{partner.name} is paused and archived. Its links still redirect; their clicks are not "
        "stored, so nobody new is attributed to it."
    )
    return Redirect(f"/partners/{partner_id}", flash)


def restore_partner(request: PageRequest, partner_id: int) -> Answer:
    partner = restore(request.resources, request.actor, Archivable.PARTNER, partner_id)
    return Redirect(f"/partners/{partner_id}", f"{partner.name} is restored.")
