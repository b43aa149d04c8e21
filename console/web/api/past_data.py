"""Handles calls that recalculate the past data of an app, and report its progress."""

from console.apps.apps import App
from console.pipeline.recompute import start_recompute
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from shared.recompute import Recompute, read_recompute


def progress(call: ApiCall, app: App) -> Recompute | None:
    return read_recompute(call.resources.redis, app.id)


def recalculate(call: ApiCall, app: App) -> Recompute | None:
    start_recompute(call.resources, call.actor, app)
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
        "Recalculate the past data of an app by its present rules.",
        recalculate,
        Recompute | None,
        status=202,
    ),
)
