"""The page of the whole audit log, with filters and pages."""

from urllib.parse import urlencode

from console.audit import FIELDS, Action, ChangeFilter, find_changes, read_change_filter
from console.web.kept_parameters import keep_valid
from console.web.lookups import visible_app, visible_apps
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page
from console.web.values import Values
from shared.vocabulary import AccessEvent

ENTRIES_SHOWN_MAX = 100


def show(request: PageRequest) -> Answer:
    def read(query: Values) -> ChangeFilter:
        app = query.get("app")
        app_id = visible_app(request.connection, request.reach, app).id if app else None
        values = {name: query.get(name) for name in FIELDS}
        return read_change_filter(values, app_id, request.reach.app_ids)

    wanted, faults = keep_valid(request.query, read)
    page = find_changes(request.connection, wanted, ENTRIES_SHOWN_MAX)
    given = {
        name: request.query.get(name)
        for name in ("app", *FIELDS)
        if request.query.get(name) and name != "before"
    }
    return Page(
        "audit.html",
        {
            "page": page,
            "faults": faults,
            "given": given,
            "query": urlencode(given),
            "is_first": wanted.before_id is None,
            "apps": [app.name for app in visible_apps(request.connection, request.reach)],
            "actions": sorted([*Action, *(f"access.{event}" for event in AccessEvent)]),
        },
    )
