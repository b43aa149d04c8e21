"""The RQ dashboard, for admins: what it answers, through the console's door."""

from console.web.page_errors import NotFound
from console.web.page_request import Visit
from console.web.responses import Answer, Finished
from console.web.rq import RqDashboard


def look(visit: Visit, path: str = "") -> Answer:
    """Its GET requests that change something are not served: they have to be POSTs."""
    if not RqDashboard.looks(path):
        raise NotFound
    return _ask(visit, "GET", path)


def change(visit: Visit, path: str) -> Answer:
    if not RqDashboard.changes(path):
        raise NotFound
    return _ask(visit, "POST", path)


def _ask(visit: Visit, method: str, path: str) -> Answer:
    reply = visit.services.rq.ask(method, path, visit.csrf)
    if reply.status >= 400:
        raise NotFound("RQ knows no such thing any more. Jobs are kept for a short time only.")
    return Finished(reply.content_type, reply.body, reply.policy)
