"""The pages of callbacks: endpoints, their test, and the log of what was told to whom."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.apps.links import list_links
from console.cursor import Cursor
from console.delivery.delivery_filter import (
    FIELDS,
    STATES,
    DeliveryFilter,
    read_delivery_filter,
)
from console.delivery.delivery_log import (
    count_deliveries,
    list_deliveries,
    page_deliveries,
    replay_deliveries,
)
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import (
    EndpointRow,
    create_endpoint,
    delete_endpoint,
    edit_endpoint,
    endpoint_with_id,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
    secret_of,
)
from console.delivery.trial import CallbackPreview, preview_request, send_test
from console.web.page_errors import BadRequest, NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import Values
from shared.callbacks.activities import LEVELS, STATUSES, Activity
from shared.callbacks.masking import masked_url
from shared.errors import BadValue, OperatorError
from shared.zones.app_days import AppDays

SHOWN_MAX = 100
COUNTED_DAYS = 14


def show_list(request: PageRequest, app: App) -> Answer:
    begin = datetime.fromtimestamp(request.services.clock() / 1000, UTC)
    wanted = DeliveryFilter(begin=begin - timedelta(days=COUNTED_DAYS))
    values = {
        "endpoints": list_endpoints(request.connection, app),
        "counts": count_deliveries(request.connection, app, wanted),
        "masked": masked_url,
    }
    return Page("callbacks.html", values)


def show_new(request: PageRequest, app: App) -> Answer:
    return Page("callback_form.html", {**_choices(request, app, None), "endpoint": None})


def create(request: PageRequest, app: App) -> Answer:
    created = create_endpoint(request.resources, request.actor, app, _form(request.form))
    flash = f"Callback endpoint {created.endpoint.name} has been created. Test it now."
    return Redirect(f"/apps/{app.id}/callbacks/{created.endpoint.id}", flash)


def show(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    return Page("callback.html", _page_values(request, app, endpoint))


def show_edit(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    return Page("callback_form.html", {**_choices(request, app, endpoint), "endpoint": endpoint})


def edit(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    edit_endpoint(request.resources, request.actor, app, endpoint, _form(request.form))
    return _done(app, endpoint, "has been changed.")


def pause(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    pause_endpoint(request.resources, request.actor, app, endpoint)
    return _done(app, endpoint, "is paused. What is due waits until you resume it.")


def resume(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    resume_endpoint(request.resources, request.actor, app, endpoint)
    replayed = 0
    if "replay" in request.form:
        failed = DeliveryFilter(endpoint_id=endpoint.id, state="failed")
        replayed = replay_deliveries(request.resources, request.actor, app, failed)
    flash = f"is active again: {endpoint.waiting + replayed} callbacks are sent now."
    return _done(app, endpoint, flash)


def delete(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    delete_endpoint(request.resources, request.actor, app, endpoint)
    flash = f"Callback endpoint {endpoint.name} has been deleted. Its log stays."
    return Redirect(f"/apps/{app.id}/callbacks", flash)


def rotate(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    endpoint = _endpoint(request, app, endpoint_id)
    rotate_secret(request.resources, request.actor, app, endpoint)
    return _done(
        app, endpoint, "signs with a new secret from now on, and for a day with the former one too."
    )


def test(request: PageRequest, app: App, endpoint_id: int) -> Answer:
    """Sends one callback now and shows what came back."""
    endpoint = _endpoint(request, app, endpoint_id)
    settings, clock = request.services.settings, request.services.clock
    chosen = _chosen(request.form)
    result = send_test(request.resources, request.actor, settings, endpoint, clock, chosen)
    shown = {"preview": result.preview, "chosen": chosen, "test": result}
    return Page("callback.html", {**_page_values(request, app, endpoint), **shown})


def show_log(request: PageRequest, app: App) -> Answer:
    wanted, before = _filter(app.days, request.query), Cursor.read(request.query.get("before"))
    given = {name: request.query.get(name) for name in FIELDS if request.query.get(name)}
    values = {
        "page": page_deliveries(request.connection, app, wanted, SHOWN_MAX, before),
        "endpoints": list_endpoints(request.connection, app),
        "states": STATES,
        "activities": list(Activity),
        "given": given,
        "query": urlencode(given),
    }
    return Page("callback_log.html", values)


def replay(request: PageRequest, app: App) -> Answer:
    wanted = _filter(app.days, request.form)
    count = replay_deliveries(request.resources, request.actor, app, wanted)
    return Redirect(f"/apps/{app.id}/callbacks/log", f"{count} callbacks are sent again.")


def _page_values(request: PageRequest, app: App, endpoint: EndpointRow) -> dict[str, object]:
    wanted = DeliveryFilter(endpoint_id=endpoint.id)
    chosen = _chosen(request.query)
    return {
        "endpoint": endpoint,
        "masked": masked_url,
        "secret": secret_of(request.resources, endpoint) if request.may_change else None,
        "preview": _preview(request, endpoint, chosen),
        "chosen": chosen,
        "deliveries": list_deliveries(request.connection, app, wanted, 20),
        "test": None,
    }


def _chosen(values: Values) -> UUID | None:
    """Returns the callback with which the endpoint is tried, if one was chosen."""
    return _filter(AppDays(), Values({"callback_id": [values.get("callback")]})).callback_id


def _preview(
    request: PageRequest, endpoint: EndpointRow, chosen: UUID | None
) -> CallbackPreview | None:
    """Fills the URL in, if the endpoint or a click has one."""
    try:
        return preview_request(request.resources, endpoint, request.services.clock, chosen)
    except OperatorError:
        return None


def _choices(request: PageRequest, app: App, endpoint: EndpointRow | None) -> dict[str, object]:
    types = list_event_types(request.connection, app)
    named = endpoint.event_type if endpoint else None
    links = list_links(request.connection, app)
    return {
        "activities": list(Activity),
        "levels": list(LEVELS),
        "statuses": list(STATUSES),
        "event_types": [("", "all"), *((each.mapping_id, each.name) for each in types)],
        "event_type": next((each.mapping_id for each in types if each.name == named), ""),
        "links": [("", "all"), *((each.name, f"{each.partner} / {each.name}") for each in links)],
    }


def _form(form: Values) -> EndpointForm:
    return EndpointForm(
        name=form.get("name"),
        partner=form.get("partner") or None,
        level=form.get("level") or None,
        status=form.get("status") or None,
        activities=[each for each in Activity if f"activity_{each}" in form],
        method=form.get("method", "GET"),
        url=form.get("url") or None,
        hosts=form.get("hosts").replace(",", " ").split(),
        event_type=form.get("event_type") or None,
        link=form.get("link") or None,
        attributed_only="attributed_only" in form,
        revenue_only="revenue_only" in form,
        payout_only="payout_only" in form,
        sandbox="sandbox" in form,
        answer_contains=form.get("answer_contains") or None,
        concurrency_max=_number(form, "concurrency_max") or 8,
        rate_max=_number(form, "rate_max"),
    )


def _number(form: Values, name: str) -> int | None:
    text = form.get(name).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadRequest(f"{name} must be a whole number.")
    return int(text)


def _filter(days: AppDays, values: Values) -> DeliveryFilter:
    try:
        return read_delivery_filter({name: values.get(name) for name in FIELDS}, days)
    except BadValue as error:
        raise BadRequest(error.message) from None


def _endpoint(request: PageRequest, app: App, endpoint_id: int) -> EndpointRow:
    found = endpoint_with_id(request.connection, app, endpoint_id)
    if found is None:
        raise NotFound("This app has no such callback endpoint.")
    return found


def _done(app: App, endpoint: EndpointRow, what: str) -> Answer:
    return Redirect(f"/apps/{app.id}/callbacks/{endpoint.id}", f"{endpoint.name} {what}")
