"""The page of the whole audit log, with filters and pages; its files, and its verification."""

from functools import partial
from urllib.parse import urlencode

from console.audit import FIELDS, Action, ChangeFilter, find_changes, read_change_filter
from console.audit_chain import read_head, verify_chain_on_the_web
from console.audit_export import AuditFormat, export_audit_log
from console.web.kept_parameters import keep_valid
from console.web.lookups import visible_app, visible_apps
from console.web.page_request import PageRequest
from console.web.responses import Answer, Download, Page
from console.web.values import Values
from shared.vocabulary import AccessEvent

ENTRIES_SHOWN_MAX = 100


def show(request: PageRequest) -> Answer:
    wanted, faults = keep_valid(request.query, partial(_read_filter, request))
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


def show_chain(request: PageRequest) -> Answer:
    """Verifies the whole log and shows the first entry that does not fit."""
    head = request.query.get("head")
    report = verify_chain_on_the_web(request.connection, read_head(head) if head else None)
    return Page("audit_chain.html", {"report": report, "head": head})


def download_csv(request: PageRequest) -> Answer:
    return _download(request, AuditFormat.CSV)


def download_lines(request: PageRequest) -> Answer:
    return _download(request, AuditFormat.JSON_LINES)


def _download(request: PageRequest, form: AuditFormat) -> Answer:
    parts = export_audit_log(
        request.services.pool.connection, _read_filter(request, request.query), form
    )
    return Download(f"audit-log.{form}", form.content_type, parts)


def _read_filter(request: PageRequest, query: Values) -> ChangeFilter:
    app = query.get("app")
    app_id = visible_app(request.connection, request.reach, app).id if app else None
    values = {name: query.get(name) for name in FIELDS}
    return read_change_filter(values, app_id, request.reach.app_ids)
