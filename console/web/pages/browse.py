"""The page of an app's events: the stream and the searchable list, as a page and as JSON."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from console.apps.apps import App
from console.browse.event_filter import FIELDS, EventFilter, EventStatus, read_filter
from console.browse.event_list import list_events
from console.cursor import Cursor
from console.lookup.search import search
from console.pipeline.rejections import RejectedRequest, report_rejections
from console.reports.names import ORGANIC, read_names
from console.reports.views.view_query import read_environment
from console.security.token_table import read_tokens
from console.web.kept_parameters import keep_valid
from console.web.lookups import visible_names
from console.web.page_request import PageRequest
from console.web.responses import Answer, Finished, Page
from console.web.values import Values
from shared.database import run
from shared.redis import RedisError

EXPORTED_MAX = 500
REJECTIONS_SEARCHED_MAX = 1_000
REJECTIONS_SHOWN_MAX = 20
_KEY = "SELECT receipt FROM idempotency_keys WHERE app_id = %s AND environment = %s AND key = %s"
_LABELS = {
    EventStatus.COUNTED: "counted",
    EventStatus.REPEATED: "repeated, not counted",
    EventStatus.UNMAPPED: "without an event type",
    EventStatus.WOULD_REFUSE: "would be refused with required tokens",
}


def show_events(request: PageRequest, app: App) -> Answer:
    wanted, faults = keep_valid(request.query, lambda query: _read(request, app, query))
    before = Cursor.read(request.query.get("before"))
    page = list_events(request.connection, app, wanted, before)
    given = {name: request.query.get(name) for name in FIELDS if request.query.get(name)}
    given["environment"] = wanted.environment
    names, text = read_names(request.connection, app), given.get("q", "")
    values = {
        "faults": faults,
        "wanted": wanted,
        "given": given,
        "page": page,
        "before": before,
        "query": urlencode(given),
        "statuses": [(str(status), _LABELS[status]) for status in EventStatus],
        "labels": {str(status): label for status, label in _LABELS.items()},
        "choices": {
            "events": sorted(set(names.events.values())),
            "partners": [ORGANIC, *sorted(names.partners.values())],
            "links": sorted(names.links.values()),
            "tokens": sorted(token.name for token in read_tokens(request.connection, app)),
        },
        "exact": _exact(request, app, wanted, text) if text and before is None else [],
        "refused": _refused(request, app, text) if text and before is None else [],
    }
    return Page("event_list.html", values)


def download_events(request: PageRequest, app: App) -> Answer:
    """Returns a page of the list as JSON, with the cursor of the next."""
    wanted = _read(request, app, request.query)
    page = list_events(
        request.connection, app, wanted, Cursor.read(request.query.get("before")), EXPORTED_MAX
    )
    return Finished("application/json", msgspec.json.encode(page))


def _read(request: PageRequest, app: App, query: Values) -> EventFilter:
    environment = read_environment(query, request.remembered)
    values: Mapping[str, str] = {name: query.get(name) for name in FIELDS}
    now_ms = request.services.clock()
    return read_filter(request.connection, app, environment, values, now_ms)


def _exact(request: PageRequest, app: App, wanted: EventFilter, text: str) -> list[str]:
    """Returns the paths of what has this text as its whole ID: these are found however old."""
    key = run(request.connection, _KEY, (app.id, wanted.environment, text)).fetchone()
    receipts = [] if key is None else [key[0]]
    visible = visible_names(request.connection, request.reach)
    try:
        found = search(request.resources, app, wanted.environment, text, visible)
    except RedisError:
        return [f"/receipts/{receipt}" for receipt in receipts]
    users = [
        f"/apps/{app.id}/users/timeline?"
        + urlencode({"environment": wanted.environment, "user_id": user_id})
        for user_id in found.users
    ]
    return [*(f"/receipts/{receipt}" for receipt in (*receipts, *found.receipts)), *users]


def _refused(request: PageRequest, app: App, text: str) -> list[RejectedRequest]:
    """Returns the latest refused requests of the app that contain this text.

    Those of nobody may be of any app: only who sees every app sees them.
    """
    try:
        report = report_rejections(
            request.connection, request.services.redis, REJECTIONS_SEARCHED_MAX
        )
    except RedisError:
        return []
    low = text.lower()
    apps = {None, app.name} if request.reach.is_everywhere else {app.name}
    return [
        rejection
        for rejection in report.recent
        if rejection.app in apps
        and any(low in value.lower() for value in rejection.parameters.values())
    ][:REJECTIONS_SHOWN_MAX]
