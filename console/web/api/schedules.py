"""Handles calls about scheduled reports."""

from dataclasses import replace

from console.apps.apps import App
from console.reports.schedules.due_reports import ReportDelivery, list_deliveries
from console.reports.schedules.report_schedules import (
    create_schedule,
    delete_schedule,
    edit_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
    schedule_with_id,
)
from console.reports.schedules.report_sending import ReportTest, send_report_test
from console.reports.schedules.schedule import ReportSchedule, ScheduleForm
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.page_errors import NotFound
from shared.clock import now_ms


def list_all(call: ApiCall, app: App) -> list[ReportSchedule]:
    """Lists schedules; whoever may only read gets targets without their secrets."""
    found = list_schedules(call.connection, app)
    if call.may_change:
        return found
    return [replace(each, target=each.shown_target) for each in found]


def create(call: ApiCall, app: App) -> ReportSchedule:
    return create_schedule(call.resources, call.actor, app, call.body, now_ms)


def edit(call: ApiCall, app: App, schedule_id: int) -> ReportSchedule:
    known = _schedule(call, app, schedule_id)
    return edit_schedule(call.resources, call.actor, app, known, call.body, now_ms)


def pause(call: ApiCall, app: App, schedule_id: int) -> ReportSchedule:
    return pause_schedule(call.resources, call.actor, app, _schedule(call, app, schedule_id))


def resume(call: ApiCall, app: App, schedule_id: int) -> ReportSchedule:
    known = _schedule(call, app, schedule_id)
    return resume_schedule(call.resources, call.actor, app, known, now_ms)


def delete(call: ApiCall, app: App, schedule_id: int) -> ReportSchedule:
    known = _schedule(call, app, schedule_id)
    delete_schedule(call.resources, call.actor, app, known)
    return known


def test(call: ApiCall, app: App, schedule_id: int) -> ReportTest:
    places = (app, _schedule(call, app, schedule_id))
    return send_report_test(call.resources, call.actor, call.settings, places, now_ms)


def deliveries(call: ApiCall, app: App, schedule_id: int) -> list[ReportDelivery]:
    return list_deliveries(call.connection, _schedule(call, app, schedule_id), call.count)


def _schedule(call: ApiCall, app: App, schedule_id: int) -> ReportSchedule:
    found = schedule_with_id(call.connection, app, schedule_id)
    if found is None:
        raise NotFound("This app has no such schedule.")
    return found


_LIST = f"{APP}/schedules"
_ONE = f"{_LIST}/{{schedule_id:int}}"

SCHEDULE_ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint("GET", _LIST, "List the reports that are sent.", list_all, list[ReportSchedule]),
    ApiEndpoint(
        "POST",
        _LIST,
        "Send a report regularly, as CSV, to an address of mail or to a webhook.",
        create,
        ReportSchedule,
        ScheduleForm,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        _ONE,
        "Change a schedule; what is left out becomes the default.",
        edit,
        ReportSchedule,
        ScheduleForm,
    ),
    ApiEndpoint("POST", f"{_ONE}/pause", "Send no more reports.", pause, ReportSchedule),
    ApiEndpoint("POST", f"{_ONE}/resume", "Send reports again.", resume, ReportSchedule),
    ApiEndpoint("POST", f"{_ONE}/delete", "Delete a schedule.", delete, ReportSchedule),
    ApiEndpoint(
        "POST", f"{_ONE}/test", "Send the report now and get what came back.", test, ReportTest
    ),
    ApiEndpoint(
        "GET",
        f"{_ONE}/deliveries",
        "List when a schedule was due and what became of it, newest first.",
        deliveries,
        list[ReportDelivery],
        query=("count",),
    ),
)
