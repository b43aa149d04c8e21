"""The pages of a partner's trial: a click and a conversion, followed to the answer."""

from console.apps.apps import App
from console.delivery.endpoints import EndpointRow, endpoint_with_id
from console.delivery.partner_trial import (
    partner_trial,
    release_partner_trial,
    start_partner_trial,
)
from console.lookup.trace import parse_receipt
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

_WAIT_SECONDS = 4.0  # for the callback to become due; the page goes on looking


def start(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    resources, clock = request.resources, request.services.clock
    link = request.form.get("test_link")
    mark = start_partner_trial(resources, request.actor, app, endpoint, link, clock)
    release_partner_trial(resources, request.actor, app, endpoint, mark, _WAIT_SECONDS)
    return Redirect(f"/apps/{app.id}/callbacks/{endpoint.id}/trial?mark={mark}")


def send(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    """Sends what the sandbox withholds of a trial that took longer than its form waited."""
    endpoint = _endpoint(request, app, endpoint_id)
    mark = parse_receipt(request.form.get("mark"))
    release_partner_trial(request.resources, request.actor, app, endpoint, mark, _WAIT_SECONDS)
    return Redirect(f"/apps/{app.id}/callbacks/{endpoint.id}/trial?mark={mark}")


def show(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    mark = parse_receipt(request.query.get("mark"))
    trial = partner_trial(request.connection, app, endpoint, mark)
    return Page("partner_trial.html", {"endpoint": endpoint, "trial": trial})


def _endpoint(request: PageRequest, app: App, endpoint_id: int) -> EndpointRow:
    found = endpoint_with_id(request.connection, app, endpoint_id)
    if found is None:
        raise NotFound("This app has no such callback endpoint.")
    return found
