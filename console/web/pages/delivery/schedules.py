"""The pages of scheduled reports: what is sent to whom, when, and what became of it."""

from console.apps.apps import App
from console.reports.schedules.due_reports import list_deliveries
from console.reports.schedules.report_message import shown_schedule_secret
from console.reports.schedules.report_schedules import (
    create_schedule,
    delete_schedule,
    edit_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
    schedule_with_id,
)
from console.reports.schedules.report_sending import send_report_test
from console.reports.schedules.schedule import ReportChannel, ReportSchedule, ScheduleForm
from console.reports.schedules.timing import Every
from console.reports.views.saved_views import list_views
from console.reports.views.view_query import choice_of
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import Values
from shared.errors import BadValue

_SHOWN_MAX = 30
_HOUR_CHARACTERS_MAX = 2


def show_list(request: PageRequest, app: App) -> Answer:
    schedules = list_schedules(request.connection, app)
    last = {each.id: list_deliveries(request.connection, each, 1) for each in schedules}
    return Page("schedules.html", {"schedules": schedules, "last": last})


def show_new(request: PageRequest, app: App) -> Answer:
    return Page("schedule_form.html", {**_choices(request, app), "schedule": None})


def create(request: PageRequest, app: App) -> Answer:
    form = _form(request, app, None)
    made = create_schedule(request.resources, request.actor, app, form, request.services.clock)
    return _done(app, made, "has been created. Test it now.")


def show(request: PageRequest, app: App, schedule_id: int) -> Answer:
    return _page(request, _schedule(request, app, schedule_id))


def show_edit(request: PageRequest, app: App, schedule_id: int) -> Answer:
    schedule = _schedule(request, app, schedule_id)
    return Page("schedule_form.html", {**_choices(request, app), "schedule": schedule})


def edit(request: PageRequest, app: App, schedule_id: int) -> Answer:
    known = _schedule(request, app, schedule_id)
    form = _form(request, app, known)
    clock = request.services.clock
    changed = edit_schedule(request.resources, request.actor, app, known, form, clock)
    return _done(app, changed, "has been changed.")


def pause(request: PageRequest, app: App, schedule_id: int) -> Answer:
    known = _schedule(request, app, schedule_id)
    pause_schedule(request.resources, request.actor, app, known)
    return _done(app, known, "is paused.")


def resume(request: PageRequest, app: App, schedule_id: int) -> Answer:
    known = _schedule(request, app, schedule_id)
    resume_schedule(request.resources, request.actor, app, known, request.services.clock)
    return _done(app, known, "is active again.")


def delete(request: PageRequest, app: App, schedule_id: int) -> Answer:
    known = _schedule(request, app, schedule_id)
    delete_schedule(request.resources, request.actor, app, known)
    return Redirect(f"/apps/{app.id}/reports/schedules", f"{known.name} has been deleted.")


def test(request: PageRequest, app: App, schedule_id: int) -> Answer:
    """Sends the report now and shows what came back."""
    known = _schedule(request, app, schedule_id)
    services = request.services
    places = (app, known)
    result = send_report_test(
        request.resources, request.actor, services.settings, places, services.clock
    )
    return _page(request, known, result)


def _page(request: PageRequest, schedule: ReportSchedule, result: object = None) -> Answer:
    secret = shown_schedule_secret(request.resources, schedule) if request.may_change else None
    values = {
        "schedule": schedule,
        "secret": secret,
        "has_mail": bool(request.services.settings.smtp_url),
        "deliveries": list_deliveries(request.connection, schedule, _SHOWN_MAX),
        "test": result,
    }
    return Page("schedule.html", values)


def _choices(request: PageRequest, app: App) -> dict[str, object]:
    views, chosen = list_views(request.connection, request.me, app), request.query.get("view")
    return {
        "views": views,
        "chosen_view": chosen,
        "chosen_name": next((view.name for view in views if str(view.id) == chosen), ""),
        "channels": list(ReportChannel),
        "has_mail": bool(request.services.settings.smtp_url),
    }


def _form(request: PageRequest, app: App, known: ReportSchedule | None) -> ScheduleForm:
    """Reads a form, which names a saved view, or keeps the report of the schedule."""
    form = request.form
    every = choice_of(Every, form.get("every"))
    views = {str(view.id): view.query for view in list_views(request.connection, request.me, app)}
    query = views.get(form.get("view"), known.query if known else None)
    if query is None:
        raise BadValue("view", "must be one of yours. Save one on the page of reports first.")
    return ScheduleForm(
        name=form.get("name"),
        query=query,
        channel=choice_of(ReportChannel, form.get("channel")),
        target=form.get("target"),
        every=every,
        on=None if every is Every.DAY else _number(form, "on"),
        hour=_number(form, "hour"),
        zone=form.get("zone"),
    )


def _number(form: Values, name: str) -> int:
    text = form.get(name)
    if not (text.isascii() and text.isdecimal() and len(text) <= _HOUR_CHARACTERS_MAX):
        raise BadValue(name, "must be a whole number.")
    return int(text)


def _schedule(request: PageRequest, app: App, schedule_id: int) -> ReportSchedule:
    found = schedule_with_id(request.connection, app, schedule_id)
    if found is None:
        raise NotFound("This app has no such schedule.")
    return found


def _done(app: App, schedule: ReportSchedule, what: str) -> Answer:
    return Redirect(f"/apps/{app.id}/reports/schedules/{schedule.id}", f"{schedule.name} {what}")
