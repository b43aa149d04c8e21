"""The pages of alerts: what is wrong with an app, who hears of it, and a test of each."""

from console.alerts.alert_log import list_alerts
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
    secret_of_destination,
)
from console.alerts.trial import send_alert_test
from console.apps.apps import App
from console.web.page_errors import BadRequest, NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import Values
from shared.alerts.kinds import (
    EXPLANATIONS,
    LABELS,
    SILENCE_MINUTES,
    AlertChannel,
    AlertKind,
)

_SHOWN_MAX = 50


def show_list(request: PageRequest, app: App) -> Answer:
    values = {
        "destinations": list_destinations(request.connection, app),
        "alerts": list_alerts(request.connection, app, _SHOWN_MAX),
        "labels": LABELS,
    }
    return Page("alerts.html", values)


def show_new(request: PageRequest, app: App) -> Answer:  # noqa: ARG001 - as every page of an app
    return Page("alert_form.html", {**_choices(), "destination": None})


def create(request: PageRequest, app: App) -> Answer:
    made = create_destination(request.resources, request.actor, app, _form(request.form))
    return _done(app, made, "has been created. Test it now.")


def show(request: PageRequest, app: App, destination_id: int) -> Answer:
    return _page(request, app, _destination(request, app, destination_id))


def show_edit(request: PageRequest, app: App, destination_id: int) -> Answer:
    destination = _destination(request, app, destination_id)
    return Page("alert_form.html", {**_choices(), "destination": destination})


def edit(request: PageRequest, app: App, destination_id: int) -> Answer:
    known = _destination(request, app, destination_id)
    changed = edit_destination(request.resources, request.actor, app, known, _form(request.form))
    return _done(app, changed, "has been changed.")


def pause(request: PageRequest, app: App, destination_id: int) -> Answer:
    known = _destination(request, app, destination_id)
    pause_destination(request.resources, request.actor, app, known)
    return _done(app, known, "is paused.")


def resume(request: PageRequest, app: App, destination_id: int) -> Answer:
    known = _destination(request, app, destination_id)
    resume_destination(request.resources, request.actor, app, known)
    return _done(app, known, "is active again.")


def delete(request: PageRequest, app: App, destination_id: int) -> Answer:
    known = _destination(request, app, destination_id)
    delete_destination(request.resources, request.actor, app, known)
    return Redirect(f"/apps/{app.id}/alerts", f"{known.name} has been deleted.")


def test(request: PageRequest, app: App, destination_id: int) -> Answer:
    """Sends the message of one alert now and shows what came back."""
    destination = _destination(request, app, destination_id)
    services = request.services
    result = send_alert_test(
        request.resources,
        request.actor,
        services.settings,
        destination,
        _kind(request.form.get("kind")),
        services.clock,
    )
    return _page(request, app, destination, result)


def _page(
    request: PageRequest, app: App, destination: AlertDestination, result: object = None
) -> Answer:
    secret = secret_of_destination(request.resources, destination) if request.may_change else None
    alerts = list_alerts(request.connection, app, _SHOWN_MAX)
    values = {
        "destination": destination,
        "secret": secret,
        "has_mail": bool(request.services.settings.smtp_url),
        "labels": LABELS,
        "explanations": EXPLANATIONS,
        "alerts": alerts,
        "test": result,
    }
    return Page("alert_destination.html", values)


def _choices() -> dict[str, object]:
    return {
        "channels": list(AlertChannel),
        "kinds": list(AlertKind),
        "labels": LABELS,
        "silence_minutes": SILENCE_MINUTES,
    }


def _form(form: Values) -> AlertForm:
    minutes = form.get("silence_minutes").strip() or str(SILENCE_MINUTES)
    if not (minutes.isascii() and minutes.isdecimal() and len(minutes) < 6):
        raise BadRequest("silence_minutes must be a whole number.")
    channel = form.get("channel")
    if channel not in set(AlertChannel):
        raise BadRequest(f"channel must be one of {', '.join(AlertChannel)}.")
    return AlertForm(
        name=form.get("name"),
        channel=AlertChannel(channel),
        target=form.get("target"),
        kinds=[kind for kind in AlertKind if f"kind_{kind}" in form],
        silence_minutes=int(minutes),
    )


def _kind(text: str) -> AlertKind:
    if text not in set(AlertKind):
        raise BadRequest(f"kind must be one of {', '.join(AlertKind)}.")
    return AlertKind(text)


def _destination(request: PageRequest, app: App, destination_id: int) -> AlertDestination:
    found = destination_with_id(request.connection, app, destination_id)
    if found is None:
        raise NotFound("This app has no such alert destination.")
    return found


def _done(app: App, destination: AlertDestination, what: str) -> Answer:
    return Redirect(f"/apps/{app.id}/alerts/{destination.id}", f"{destination.name} {what}")
