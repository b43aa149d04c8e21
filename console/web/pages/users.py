"""Users of an app: found by any of their ids, and what is known of each."""

from urllib.parse import urlencode

from console.apps.apps import App
from console.lookup.search import search
from console.lookup.timeline_words import moments
from console.lookup.user_timeline import user_timeline
from console.web import timeline_chart
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

SHOWN_MAX = 200  # events, sessions, clicks and attributions each


def show_search(request: PageRequest, app: App) -> Answer:
    """Whoever is the only one is shown at once."""
    text = request.query.get("q")
    if not text:
        return Page("users.html", {"text": "", "found": None})
    found = search(request.resources, app, request.environment, text)
    if len(found.users) == 1 and not found.receipts:
        return Redirect(user_path(app, request.environment, found.users[0]))
    if len(found.receipts) == 1 and not found.users:
        return Redirect(f"/receipts/{found.receipts[0]}")
    return Page("users.html", {"text": text, "found": found})


def show(request: PageRequest, app: App) -> Answer:
    user_id = request.query.exact("user_id")
    user = user_timeline(request.connection, app, request.environment, user_id, SHOWN_MAX)
    happened = moments(user)
    values = {
        "user": user,
        "moments": happened,
        "picture": timeline_chart.draw(happened),
        "lanes": timeline_chart,
    }
    return Page("user.html", values)


def user_path(app: App, environment: str, user_id: str) -> str:
    query = urlencode({"environment": environment, "user_id": user_id})
    return f"/apps/{app.id}/users/timeline?{query}"
