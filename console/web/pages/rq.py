"""The RQ dashboard, for admins: what it answers, through the console's door."""

from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Finished
from console.web.rq import RqDashboard


def look(request: PageRequest, path: str = "") -> Answer:
    """Its GET requests that change something are not served: they have to be POSTs."""
    if not RqDashboard.looks(path):
        raise NotFound
    return _ask(request, "GET", path)


def change(request: PageRequest, path: str) -> Answer:
    if not RqDashboard.changes(path):
        raise NotFound
    return _ask(request, "POST", path)


def _ask(request: PageRequest, method: str, path: str) -> Answer:
    reply = request.services.rq.ask(method, path, request.csrf)
    if reply.status >= 400:
        raise NotFound("RQ knows no such thing any more. Jobs are kept for a short time only.")
    return Finished(reply.content_type, reply.body, reply.policy)
