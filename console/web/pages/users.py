"""The pages of an app's users: search by any of their IDs, and a user's timeline."""

from urllib.parse import urlencode

from console.apps.apps import App
from console.delivery.delivery_log import DeliveryFilter, list_deliveries
from console.lookup.search import search
from console.lookup.timeline_words import timeline_entries
from console.lookup.user_timeline import user_timeline
from console.web import timeline_chart
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

SHOWN_MAX = 200  # events, sessions, clicks and attributions each


def show_search(request: PageRequest, app: App) -> Answer:
    """Shows what has the ID; redirects to it if there is only one."""
    text = request.query.get("q")
    if not text:
        return Page("users.html", {"text": "", "results": None})
    results = search(request.resources, app, request.environment, text)
    if len(results.users) == 1 and not results.receipts:
        return Redirect(user_path(app, request.environment, results.users[0]))
    if len(results.receipts) == 1 and not results.users:
        return Redirect(f"/receipts/{results.receipts[0]}")
    return Page("users.html", {"text": text, "results": results})


def show(request: PageRequest, app: App) -> Answer:
    user_id = request.query.exact("user_id")
    user = user_timeline(request.connection, app, request.environment, user_id, SHOWN_MAX)
    entries = timeline_entries(user)
    told = DeliveryFilter(user_id=user.user_id, environment=request.environment)
    values = {
        "user": user,
        "entries": entries,
        "chart": timeline_chart.draw(entries),
        "deliveries": list_deliveries(request.connection, app, told, SHOWN_MAX),
    }
    return Page("user.html", values)


def user_path(app: App, environment: str, user_id: str) -> str:
    query = urlencode({"environment": environment, "user_id": user_id})
    return f"/apps/{app.id}/users/timeline?{query}"
