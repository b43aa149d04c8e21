"""The pages of an app's users: recently seen, search by any of their IDs, and a timeline."""

from urllib.parse import urlencode

from console.apps.apps import App
from console.browse.recent_users import list_recent_users
from console.browse.user_words import describe_user
from console.cursor import Cursor
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import list_deliveries
from console.lookup.search import search
from console.lookup.timeline_words import timeline_entries
from console.lookup.user_timeline import user_timeline
from console.reports.bounds import moment_of
from console.web import timeline_chart
from console.web.lookups import visible_names
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

SHOWN_MAX = 200  # events, sessions, clicks and attributions each


def show_search(request: PageRequest, app: App) -> Answer:
    """Shows what has the ID; redirects to it if there is only one."""
    text = request.query.get("q")
    if not text:
        before = request.query.get("before")
        recent = list_recent_users(
            request.connection,
            app,
            request.environment,
            moment_of(request.services.clock()),
            Cursor.read(before),
        )
        values = {"text": "", "results": None, "recent": recent, "before": before}
        return Page("users.html", values)
    visible = visible_names(request.connection, request.reach)
    results = search(request.resources, app, request.environment, text, visible)
    if len(results.users) == 1 and not results.receipts:
        return Redirect(user_path(app, request.environment, results.users[0]))
    if len(results.receipts) == 1 and not results.users:
        return Redirect(f"/receipts/{results.receipts[0]}")
    return Page("users.html", {"text": text, "results": results, "recent": None})


def show(request: PageRequest, app: App) -> Answer:
    user_id = request.query.exact("user_id")
    user = user_timeline(request.connection, app, request.environment, user_id, SHOWN_MAX)
    entries = timeline_entries(user)
    told = DeliveryFilter(user_id=user.user_id, environment=request.environment)
    values = {
        "user": user,
        "entries": entries,
        "sentences": describe_user(user),
        "chart": timeline_chart.draw(entries),
        "deliveries": list_deliveries(request.connection, app, told, SHOWN_MAX),
    }
    return Page("user.html", values)


def user_path(app: App, environment: str, user_id: str) -> str:
    query = urlencode({"environment": environment, "user_id": user_id})
    return f"/apps/{app.id}/users/timeline?{query}"
