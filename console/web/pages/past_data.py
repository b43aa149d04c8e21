"""The page of an app's past data: its recalculation, and imports of another system's events."""

from console.apps.apps import App
from console.importer.uploads import last_uploads
from console.pipeline.recompute import ENDED, days_from, start_recompute
from console.reports.views.view_query import read_date
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import FORM_BYTES_MAX
from shared.imports.upload import UPLOAD_BYTES_MAX, UploadState
from shared.recompute import read_recompute

IMPORTING = frozenset({UploadState.WAITING, UploadState.RUNNING})


def show(request: PageRequest, app: App) -> Answer:
    recompute = read_recompute(request.services.redis, app.id)
    uploads = last_uploads(request.connection, app)
    values = {
        "recompute": recompute,
        "is_running": recompute and recompute.state not in ENDED,
        "uploads": uploads,
        "is_importing": any(each.state in IMPORTING for each in uploads),
        "lines_bytes_max": FORM_BYTES_MAX,
        "upload_bytes_max": UPLOAD_BYTES_MAX,
    }
    return Page("past_data.html", values)


def recalculate(request: PageRequest, app: App) -> Answer:
    first, last = (read_date(name, request.form.get(name)) for name in ("from", "to"))
    start_recompute(request.resources, request.actor, app, days_from(first, last))
    return Redirect(f"/apps/{app.id}/past", "A worker recalculates the past data.")
