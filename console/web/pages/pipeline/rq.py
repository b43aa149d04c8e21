"""The pages of the RQ dashboard, which admins reach through the console's access checks."""

from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Finished
from console.web.rq_dashboard import RqDashboard

NOT_INSTALLED = (
    "The RQ dashboard is not installed here. Operations shows the jobs without it. To add it, "
    "install waybill[dashboard] and restart the console."
)


def show(request: PageRequest, path: str = "") -> Answer:
    """Shows a page of the dashboard. GET requests that change something are not served."""
    if not RqDashboard.may_get(path):
        raise NotFound
    return _request(request, "GET", path)


def change(request: PageRequest, path: str) -> Answer:
    if not RqDashboard.may_post(path):
        raise NotFound
    return _request(request, "POST", path)


def _request(request: PageRequest, method: str, path: str) -> Answer:
    dashboard = request.services.rq
    if dashboard is None:
        raise NotFound(NOT_INSTALLED)
    reply = dashboard.request(method, path, request.csrf)
    if reply.status >= 400:
        raise NotFound("RQ no longer has this item. Jobs are kept for a short time only.")
    return Finished(reply.content_type, reply.body, reply.policy)
