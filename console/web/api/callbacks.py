"""Handles calls about callbacks."""

from dataclasses import asdict, dataclass
from uuid import UUID

from console.apps.apps import App
from console.delivery.delivery_log import (
    Delivery,
    DeliveryCount,
    DeliveryFilter,
    count_deliveries,
    find_delivery,
    list_deliveries,
    replay_deliveries,
)
from console.delivery.endpoints import (
    EndpointRow,
    EndpointWithSecret,
    create_endpoint,
    edit_endpoint,
    endpoint_with_id,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
)
from console.delivery.trial import CallbackTest, send_test
from console.web.api.api_call import ApiCall
from console.web.page_errors import NotFound
from shared.clock import now_ms


@dataclass(frozen=True)
class ReplayedCallbacks:
    """The callbacks to send again, by their endpoint, state, user or click; or one by its id."""

    endpoint_id: int | None = None
    partner: str | None = None
    state: str | None = None
    user_id: str | None = None
    click_id: str | None = None
    callback_id: UUID | None = None


@dataclass(frozen=True)
class ReplayReport:
    """The number of callbacks that are sent again."""

    replayed: int


def list_all(call: ApiCall, app: App) -> list[EndpointRow]:
    return list_endpoints(call.connection, app)


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


def deliveries(call: ApiCall, app: App) -> list[Delivery]:
    query = call.query
    wanted = DeliveryFilter(
        state=query.get("state") or None,
        user_id=query.get("user_id") or None,
        click_id=query.get("click_id") or None,
        partner=query.get("partner") or None,
    )
    return list_deliveries(call.connection, app, wanted, call.count)


def delivery(call: ApiCall, app: App, callback_id: UUID) -> Delivery:
    return find_delivery(call.connection, app, callback_id)


def counts(call: ApiCall, app: App) -> list[DeliveryCount]:
    return count_deliveries(call.connection, app, DeliveryFilter())


def replay(call: ApiCall, app: App) -> ReplayReport:
    wanted = DeliveryFilter(**asdict(call.body))
    return ReplayReport(replay_deliveries(call.resources, call.actor, app, wanted))


def _endpoint(call: ApiCall, app: App, endpoint_id: int) -> EndpointRow:
    found = endpoint_with_id(call.connection, app, endpoint_id)
    if found is None:
        raise NotFound("This app has no such callback endpoint.")
    return found
