"""Links of an app: made, listed, and tried by a click that is followed to whom it brought."""

from uuid import UUID

from console.apps.apps import App
from console.apps.links import (
    Link,
    NewLink,
    create_link,
    find_test_click,
    list_links,
    marked_url,
    tracking_url,
)
from console.lookup.timeline_words import attribution_words
from console.lookup.trace import parse_receipt, trace
from console.security.code_samples import Language, click_sending, snippet
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.ids import new_receipt


def show_list(request: PageRequest, app: App) -> Answer:
    base = request.services.settings.ingest_url
    links = [(link, tracking_url(base, link)) for link in list_links(request.connection, app)]
    return Page("links.html", {"links": links})


def show_new(request: PageRequest, app: App) -> Answer:  # noqa: ARG001 - the template asks the visit
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
    made = create_link(request.resources, request.actor, app, new)
    said = f"{made.name} is a link. Ingest accepts it within a second."
    return Redirect(f"/apps/{app.id}/links/{made.id}", said)


def show(request: PageRequest, app: App, link_id: int) -> Answer:
    link = _link(request, app, link_id)
    url = tracking_url(request.services.settings.ingest_url, link)
    # Whoever opens the link with this mark is known by it among all who click.
    mark = new_receipt(request.services.clock())
    return Page("link.html", {"link": link, "url": url, "mark": mark})


def follow(request: PageRequest, app: App, link_id: int) -> Answer:
    """The page that waits for the click, then shows what became of it."""
    link = _link(request, app, link_id)
    mark = parse_receipt(request.query.get("mark"))
    base = request.services.settings.ingest_url
    values = {
        "link": link,
        "url": marked_url(base, link, mark),
        "click": _click(request, link, mark),
        "words": attribution_words,
    }
    return Page("link_test.html", values)


def _click(request: PageRequest, link: Link, mark: UUID) -> dict[str, object] | None:
    receipt = find_test_click(request.connection, link, mark)
    if receipt is None:
        return None
    found = trace(request.connection, request.services.redis, receipt)
    if found.event is None or found.placement is None:
        return None
    sending = click_sending(request.services.settings.ingest_url, found.event.click_id or "")
    return {
        "event": found.event,
        "brought": found.placement.brought,
        "code": snippet(sending, Language.CURL),
    }


def _link(request: PageRequest, app: App, link_id: int) -> Link:
    for link in list_links(request.connection, app):
        if link.id == link_id:
            return link
    raise NotFound("The app has no such link.")
