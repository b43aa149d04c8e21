"""Handles calls about callbacks."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from console.apps.apps import App
from console.cursor import Cursor
from console.delivery.delivery_filter import FIELDS, DeliveryFilter, read_delivery_filter
from console.delivery.delivery_log import (
    Delivery,
    DeliveryCount,
    DeliveryPage,
    count_deliveries,
    find_delivery,
    page_deliveries,
    replay_deliveries,
)
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import (
    EndpointRow,
    EndpointWithSecret,
    create_endpoint,
    delete_endpoint,
    edit_endpoint,
    endpoint_with_id,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
)
from console.delivery.partner_trial import (
    PartnerTrial,
    finish_partner_trial,
    partner_trial,
    start_partner_trial,
)
from console.delivery.trial import (
    CallbackPreview,
    CallbackTest,
    preview_request,
    send_test,
)
from console.reports.bounds import moment_of
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.page_errors import NotFound
from shared.callbacks.masking import masked_url
from shared.clock import now_ms

COUNTED_DAYS = 28  # without `from`, as events are listed
_TRIAL_SECONDS = 5.0  # a caller waits; what comes later is read by the mark


@dataclass(frozen=True)
class ReplayedCallbacks:
    """The callbacks to send again, by endpoint, state, activity, user or click; or one by its id.

    `reason` is why they are withheld or have failed, such as imported.
    `begin` and `end` limit when they became due, with a zone.
    """

    endpoint_id: int | None = None
    partner: str | None = None
    state: str | None = None
    reason: str | None = None
    activity: str | None = None
    user_id: str | None = None
    click_id: str | None = None
    callback_id: UUID | None = None
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class TestedPartner:
    """The link through which the test's click comes: the partner's own, or one without anything."""

    link: str = ""


@dataclass(frozen=True)
class ReplayReport:
    """The number of callbacks that are sent again."""

    replayed: int


def list_all(call: ApiCall, app: App) -> list[EndpointRow]:
    """Lists endpoints; whoever may only read gets URLs without their secrets."""
    found = list_endpoints(call.connection, app)
    if call.may_change:
        return found
    return [replace(each, url=masked_url(each.url) if each.url else None) for each in found]


def create(call: ApiCall, app: App) -> EndpointWithSecret:
    return create_endpoint(call.resources, call.actor, app, call.body)


def edit(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    known = _endpoint(call, app, endpoint_id)
    return edit_endpoint(call.resources, call.actor, app, known, call.body)


def pause(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    return pause_endpoint(call.resources, call.actor, app, _endpoint(call, app, endpoint_id))


def resume(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    return resume_endpoint(call.resources, call.actor, app, _endpoint(call, app, endpoint_id))


def rotate(call: ApiCall, app: App, endpoint_id: int) -> EndpointWithSecret:
    return rotate_secret(call.resources, call.actor, app, _endpoint(call, app, endpoint_id))


def test(call: ApiCall, app: App, endpoint_id: int) -> CallbackTest:
    known = _endpoint(call, app, endpoint_id)
    return send_test(call.resources, call.actor, call.settings, known, now_ms)


def preview(call: ApiCall, app: App, endpoint_id: int) -> CallbackPreview:
    wanted = read_delivery_filter({"callback_id": call.query.get("callback_id") or ""})
    known = _endpoint(call, app, endpoint_id)
    return preview_request(call.resources, known, now_ms, wanted.callback_id)


def delete(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    known = _endpoint(call, app, endpoint_id)
    delete_endpoint(call.resources, call.actor, app, known)
    return known


def test_partner(call: ApiCall, app: App, endpoint_id: int) -> PartnerTrial:
    """Makes a click and a conversion, and waits some seconds for the partner's answer."""
    known, resources = _endpoint(call, app, endpoint_id), call.resources
    mark = start_partner_trial(resources, call.actor, app, known, call.body.link, now_ms)
    return finish_partner_trial(resources, call.actor, app, known, mark, _TRIAL_SECONDS)


def partner_test(call: ApiCall, app: App, endpoint_id: int, mark: UUID) -> PartnerTrial:
    return partner_trial(call.connection, app, _endpoint(call, app, endpoint_id), mark)


def deliveries(call: ApiCall, app: App) -> DeliveryPage:
    before = Cursor.read(call.query.get("before"))
    return page_deliveries(call.connection, app, _wanted(call, app), call.count, before)


def delivery(call: ApiCall, app: App, callback_id: UUID) -> Delivery:
    return find_delivery(call.connection, app, callback_id)


def counts(call: ApiCall, app: App) -> list[DeliveryCount]:
    wanted = _wanted(call, app)
    if wanted.begin is None:
        end = wanted.end or moment_of(now_ms())
        wanted = replace(wanted, begin=end - timedelta(days=COUNTED_DAYS))
    return count_deliveries(call.connection, app, wanted)


def replay(call: ApiCall, app: App) -> ReplayReport:
    wanted = DeliveryFilter(**asdict(call.body))
    return ReplayReport(replay_deliveries(call.resources, call.actor, app, wanted))


def _wanted(call: ApiCall, app: App) -> DeliveryFilter:
    return read_delivery_filter({name: call.query.get(name) for name in FIELDS}, app.days)


def _endpoint(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    found = endpoint_with_id(call.connection, app, endpoint_id)
    if found is None:
        raise NotFound("This app has no such callback endpoint.")
    return found


_LIST = f"{APP}/callback-endpoints"
_ONE = f"{_LIST}/{{endpoint_id:int}}"

CALLBACK_ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint(
        "GET",
        _LIST,
        "List the app's callback endpoints.",
        list_all,
        list[EndpointRow],
    ),
    ApiEndpoint(
        "POST",
        _LIST,
        "Create a callback endpoint, and its partner if new; the answer has its secret.",
        create,
        EndpointWithSecret,
        EndpointForm,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        _ONE,
        "Change a callback endpoint; what is left out becomes the default.",
        edit,
        EndpointRow,
        EndpointForm,
    ),
    ApiEndpoint("POST", f"{_ONE}/pause", "Stop sending.", pause, EndpointRow),
    ApiEndpoint("POST", f"{_ONE}/resume", "Send again.", resume, EndpointRow),
    ApiEndpoint(
        "POST",
        f"{_ONE}/secret",
        "Replace the signing secret; the answer has the new one, and for a day both sign.",
        rotate,
        EndpointWithSecret,
    ),
    ApiEndpoint(
        "GET",
        f"{_ONE}/preview",
        "Get the request that would be sent, with a callback, the last one, or a sample.",
        preview,
        CallbackPreview,
        query=("callback_id",),
    ),
    ApiEndpoint(
        "POST",
        f"{_ONE}/test",
        "Send one callback now and get what came back.",
        test,
        CallbackTest,
    ),
    ApiEndpoint("POST", f"{_ONE}/delete", "Delete it; its log stays.", delete, EndpointRow),
    ApiEndpoint(
        "POST",
        f"{_ONE}/partner-test",
        "Make a click and a conversion in the sandbox, send the callback and get what came back.",
        test_partner,
        PartnerTrial,
        TestedPartner,
    ),
    ApiEndpoint(
        "GET",
        f"{_ONE}/partner-tests/{{mark:uuid}}",
        "Get how far a test of a partner has come.",
        partner_test,
        PartnerTrial,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callbacks",
        "List callbacks with their attempts, newest first; `after` is the `before` of the next "
        "page.",
        deliveries,
        DeliveryPage,
        query=(*FIELDS, "before", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callback-counts",
        "Count callbacks by day, endpoint and state, of the last 28 days unless `from` says more.",
        counts,
        list[DeliveryCount],
        query=FIELDS,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callbacks/{{callback_id:uuid}}",
        "Get one callback with its attempts.",
        delivery,
        Delivery,
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/callbacks/replay",
        "Send the callbacks again that match and were not delivered.",
        replay,
        ReplayReport,
        ReplayedCallbacks,
    ),
)
