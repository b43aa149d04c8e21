"""The pages of tracking links: list, create, and test with a click followed to its attribution."""

from uuid import UUID

from console.apps.apps import App
from console.apps.links import (
    Link,
    NewLink,
    conversion_url,
    create_link,
    find_test_click,
    list_links,
    set_view_through,
    tracking_url,
    url_for_test_click,
)
from console.apps.postback_names import set_postback_names
from console.browse.row_events import row_paths
from console.lookup.timeline_words import describe_attribution
from console.lookup.trace import parse_receipt, trace
from console.reports.link_traffic import read_link_traffic
from console.security.code_samples import Language, click_request, render_sample
from console.web.lookups import link_of
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.ids import new_receipt
from shared.names.postback_names import PostbackField

NAMED_AS = {
    PostbackField.CLICK_ID: "Click ID",
    PostbackField.AMOUNT: "Amount",
    PostbackField.CURRENCY: "Currency",
    PostbackField.STATUS: "Status",
    PostbackField.TRANSACTION_ID: "Transaction ID",
    PostbackField.EVENT_ID: "Event",
}


def show_list(request: PageRequest, app: App) -> Answer:
    base = request.services.settings.ingest_url
    shows_archived = "archived" in request.query
    every_link = list_links(request.connection, app)
    links = [
        (link, tracking_url(base, link))
        for link in every_link
        if shows_archived or link.archived_at is None
    ]
    values = {
        "links": links,
        "shows_archived": shows_archived,
        "archived_count": sum(link.archived_at is not None for link in every_link),
    }
    return Page("links.html", values)


def show_new(request: PageRequest, app: App) -> Answer:  # noqa: ARG001 - templates always get both
    return Page("link_new.html")


def create(request: PageRequest, app: App) -> Answer:
    form = request.form
    new = NewLink(
        form.get("partner"),
        form.get("name"),
        form.get("destination"),
        form.get("offer_id") or None,
        form.get("pub_id") or None,
    )
    link = create_link(request.resources, request.actor, app, new)
    flash = f"Link {link.name} has been created. Ingest accepts it within a second."
    return Redirect(f"/apps/{app.id}/links/{link.id}", flash)


def show(request: PageRequest, app: App, link_id: int) -> Answer:
    link = link_of(request.connection, app, link_id)
    base = request.services.settings.ingest_url
    # The mark identifies the click of whoever opens the link with it, among all clicks.
    now_ms = request.services.clock()
    traffic = read_link_traffic(request.connection, app, link_id, request.environment, now_ms)
    values = {
        "link": link,
        "url": tracking_url(base, link),
        "views_url": tracking_url(base, link, "/impression"),
        "mark": new_receipt(now_ms),
        "today": app.today(now_ms),
        "conversion_url": conversion_url(base, link),
        "fields": [(str(field), NAMED_AS[field]) for field in PostbackField],
        "traffic": traffic,
        "paths": row_paths(app, traffic.report),
    }
    return Page("link.html", values)


def set_names(request: PageRequest, app: App, link_id: int) -> Answer:
    """Sets the names of fields in the postbacks of the link's network."""
    names = {str(field): request.form.get(field) for field in PostbackField}
    link = set_postback_names(request.resources, request.actor, app, link_id, names)
    flash = f"Postbacks of {link.name} are read by these names within a second."
    return Redirect(f"/apps/{app.id}/links/{link.id}", flash)


def change_views(request: PageRequest, app: App, link_id: int) -> Answer:
    """Lets impressions of the link be credited, or not."""
    link = link_of(request.connection, app, link_id)
    wanted = not link.view_through
    set_view_through(request.connection, request.actor, app, link, wanted)
    flash = f"Impressions of {link.name} are {'credited' if wanted else 'credited with nobody'}."
    return Redirect(f"/apps/{app.id}/links/{link.id}", flash)


def show_test_click(request: PageRequest, app: App, link_id: int) -> Answer:
    """Shows a page that waits for the click, then shows the click and whom it attributed."""
    link = link_of(request.connection, app, link_id)
    mark = parse_receipt(request.query.get("mark"))
    base = request.services.settings.ingest_url
    values = {
        "link": link,
        "url": url_for_test_click(base, link, mark),
        "click": _test_click(request, link, mark),
        "words": describe_attribution,
    }
    return Page("link_test.html", values)


def _test_click(request: PageRequest, link: Link, mark: UUID) -> dict[str, object] | None:
    receipt = find_test_click(request.connection, link, mark)
    if receipt is None:
        return None
    traced = trace(request.connection, request.services.redis, receipt)
    if traced.event is None or traced.placement is None:
        return None
    sending = click_request(request.services.settings.ingest_url, traced.event.click_id or "")
    return {
        "event": traced.event,
        "attributed": traced.placement.brought,
        "code": render_sample(sending, Language.CURL),
    }
