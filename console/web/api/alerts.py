"""Handles calls about alerts."""

from dataclasses import dataclass, replace

from console.alerts.alert_log import Alert, list_alerts
from console.alerts.destinations import (
    AlertDestination,
    AlertForm,
    create_destination,
    delete_destination,
    destination_with_id,
    edit_destination,
    list_destinations,
    pause_destination,
    resume_destination,
)
from console.alerts.trial import AlertTest, send_alert_test
from console.apps.apps import App
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.page_errors import NotFound
from shared.alerts.kinds import AlertKind
from shared.clock import now_ms


@dataclass(frozen=True)
class TestedAlert:
    """The alert whose message a test sends."""

    kind: AlertKind


def list_all(call: ApiCall, app: App) -> list[AlertDestination]:
    """Lists destinations; whoever may only read gets targets without their secrets."""
    found = list_destinations(call.connection, app)
    if call.may_change:
        return found
    return [replace(each, target=each.shown_target) for each in found]


def create(call: ApiCall, app: App) -> AlertDestination:
    return create_destination(call.resources, call.actor, app, call.body)


def edit(call: ApiCall, app: App, destination_id: int) -> AlertDestination:
    known = _destination(call, app, destination_id)
    return edit_destination(call.resources, call.actor, app, known, call.body)


def pause(call: ApiCall, app: App, destination_id: int) -> AlertDestination:
    known = _destination(call, app, destination_id)
    return pause_destination(call.resources, call.actor, app, known)


def resume(call: ApiCall, app: App, destination_id: int) -> AlertDestination:
    known = _destination(call, app, destination_id)
    return resume_destination(call.resources, call.actor, app, known)


def delete(call: ApiCall, app: App, destination_id: int) -> AlertDestination:
    known = _destination(call, app, destination_id)
    delete_destination(call.resources, call.actor, app, known)
    return known


def test(call: ApiCall, app: App, destination_id: int) -> AlertTest:
    known = _destination(call, app, destination_id)
    return send_alert_test(call.resources, call.actor, call.settings, known, call.body.kind, now_ms)


def alerts(call: ApiCall, app: App) -> list[Alert]:
    return list_alerts(call.connection, app, call.count)


def _destination(call: ApiCall, app: App, destination_id: int) -> AlertDestination:
    found = destination_with_id(call.connection, app, destination_id)
    if found is None:
        raise NotFound("This app has no such alert destination.")
    return found


_LIST = f"{APP}/alert-destinations"
_ONE = f"{_LIST}/{{destination_id:int}}"

ALERT_ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint("GET", _LIST, "List where alerts of the app go.", list_all, list[AlertDestination]),
    ApiEndpoint(
        "POST",
        _LIST,
        "Create an alert destination: a webhook, a channel of Slack, or an address of mail.",
        create,
        AlertDestination,
        AlertForm,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        _ONE,
        "Change an alert destination; what is left out becomes the default.",
        edit,
        AlertDestination,
        AlertForm,
    ),
    ApiEndpoint("POST", f"{_ONE}/pause", "Send no more alerts.", pause, AlertDestination),
    ApiEndpoint("POST", f"{_ONE}/resume", "Send alerts again.", resume, AlertDestination),
    ApiEndpoint("POST", f"{_ONE}/delete", "Delete a destination.", delete, AlertDestination),
    ApiEndpoint(
        "POST",
        f"{_ONE}/test",
        "Send the message of one alert now and get what came back.",
        test,
        AlertTest,
        TestedAlert,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/alerts",
        "List alerts with their messages, those that are open first.",
        alerts,
        list[Alert],
        query=("count",),
    ),
)
