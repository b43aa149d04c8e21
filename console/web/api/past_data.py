"""Handles calls that recalculate the past data of an app, and report its progress."""

from console.apps.apps import App
from console.pipeline.recompute import days_from, start_recompute
from console.reports.views.view_query import read_date
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from shared.recompute import Recompute, read_recompute


def progress(call: ApiCall, app: App) -> Recompute | None:
    return read_recompute(call.resources.redis, app.id)


def recalculate(call: ApiCall, app: App) -> Recompute | None:
    first, last = (read_date(name, call.query.get(name)) for name in ("from", "to"))
    start_recompute(call.resources, call.actor, app, days_from(first, last))
    return progress(call, app)


PAST_DATA_ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"{APP}/recompute",
        "Return the progress of the last recalculation of an app, null if there was none.",
        progress,
        Recompute | None,
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/recompute",
        "Recalculate the past data of an app by its rules, or only the days `from` to `to`.",
        recalculate,
        Recompute | None,
        query=("from", "to"),
        status=202,
    ),
)
