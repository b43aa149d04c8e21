"""Manages schedules of reports: what is sent to whom, and when."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from console.accounts.people import Person
from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.reports.bounds import moment_of
from console.reports.names import read_names
from console.reports.schedules.schedule import (
    SCHEDULE_COLUMNS,
    ReportChannel,
    ReportSchedule,
    ScheduleForm,
    schedule_from_row,
)
from console.reports.schedules.timing import Every, Timing
from console.reports.views.saved_views import QUERY_CHARACTERS_MAX, list_views
from console.reports.views.view_query import (
    TextQuery,
    check_names,
    read_environment,
    read_layout,
    read_question,
)
from console.resources import Resources
from console.targets import TargetRules, check_target
from shared.clock import Clock
from shared.database import Connection, named_rows, run, transaction
from shared.errors import BadValue, OperatorError
from shared.events import Environment

SCHEDULES_MAX = 50  # of an app
_RULES = TargetRules(ReportChannel, "a schedule", "the report is in the body")


class _ScheduleStep(NamedTuple):
    """A change of a schedule: its name in the audit log, and its statement."""

    action: Action
    statement: str


_SELECT = f"""
SELECT {SCHEDULE_COLUMNS}
FROM report_schedules
WHERE deleted_at IS NULL AND app_id = %(app)s AND (%(id)s::bigint IS NULL OR id = %(id)s)
ORDER BY id
"""
_VALUES = "name, query, channel, target, every, on_day, hour, zone, follows_app, next_at"
_INSERT = f"""
INSERT INTO report_schedules (app_id, {_VALUES})
VALUES (
    %(app)s, %(name)s, %(query)s, %(channel)s, %(target)s, %(every)s, %(on)s, %(hour)s, %(zone)s,
    %(follows_app)s, %(next_at)s
)
RETURNING id
"""
_EDIT = _ScheduleStep(
    Action.SCHEDULE_EDIT,
    f"""
    UPDATE report_schedules SET ({_VALUES}) = (
        %(name)s, %(query)s, %(channel)s, %(target)s, %(every)s, %(on)s, %(hour)s, %(zone)s,
        %(follows_app)s, %(next_at)s
    )
    WHERE id = %(id)s
    """,
)
_PAUSE = _ScheduleStep(
    Action.SCHEDULE_PAUSE, "UPDATE report_schedules SET paused_at = now() WHERE id = %(id)s"
)
# What was due while it was paused is not sent later.
_RESUME = _ScheduleStep(
    Action.SCHEDULE_RESUME,
    "UPDATE report_schedules SET paused_at = NULL, next_at = %(next_at)s WHERE id = %(id)s",
)
_DELETE = "UPDATE report_schedules SET deleted_at = now() WHERE id = %(id)s"


def list_schedules(connection: Connection, app: App) -> list[ReportSchedule]:
    """Lists the schedules of an app in the order in which they were made."""
    return _read(connection, app, None)


def schedule_with_id(connection: Connection, app: App, number: int) -> ReportSchedule | None:
    """Finds a schedule of an app by its number."""
    return next(iter(_read(connection, app, number)), None)


def find_schedule(connection: Connection, app: App, named: str) -> ReportSchedule:
    """Finds a schedule by its name or number. Raises OperatorError."""
    for each in list_schedules(connection, app):
        if named in {each.name, str(each.id)}:
            return each
    raise OperatorError("The app has no such schedule.", "See `waybill schedule list`.")


def create_schedule(
    resources: Resources, actor: Actor, app: App, form: ScheduleForm, now: Clock
) -> ReportSchedule:
    """Makes a schedule. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        known = list_schedules(connection, app)
        if len(known) >= SCHEDULES_MAX:
            raise OperatorError(f"An app has at most {SCHEDULES_MAX} schedules. Delete one first.")
        values = _checked(connection, app, form, known, now())
        [(number,)] = run(connection, _INSERT, {"app": app.id, **values}).fetchall()
        made = _known(connection, app, number)
        change = Change(Action.SCHEDULE_CREATE, made.name, None, _told(made))
        record_change(connection, actor, app.id, change)
    return made


def edit_schedule(
    resources: Resources,
    actor: Actor,
    app: App,
    known: ReportSchedule,
    form: ScheduleForm,
    now: Clock,
) -> ReportSchedule:
    """Changes a schedule. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    others = [each for each in list_schedules(resources.connection, app) if each.id != known.id]
    values = _checked(resources.connection, app, form, others, now())
    return _changed(resources, actor, app, known, _EDIT, values)


def pause_schedule(
    resources: Resources, actor: Actor, app: App, known: ReportSchedule
) -> ReportSchedule:
    """Sends nothing more until it is resumed. Raises NotAllowed."""
    return _changed(resources, actor, app, known, _PAUSE, {})


def resume_schedule(
    resources: Resources, actor: Actor, app: App, known: ReportSchedule, now: Clock
) -> ReportSchedule:
    """Sends again, from the next time on. Raises NotAllowed."""
    next_at = known.timing.next_after(moment_of(now()))
    return _changed(resources, actor, app, known, _RESUME, {"next_at": next_at})


def delete_schedule(resources: Resources, actor: Actor, app: App, known: ReportSchedule) -> None:
    """Removes a schedule; what was sent stays in its log. Raises NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, _DELETE, {"id": known.id})
        change = Change(Action.SCHEDULE_DELETE, known.name, _told(known), None)
        record_change(connection, actor, app.id, change)


def query_of_view(connection: Connection, person: Person, app: App, name: str) -> str:
    """Returns the query of a person's saved view, by its name. Raises OperatorError."""
    for view in list_views(connection, person, app):
        if view.name == name:
            return view.query
    raise OperatorError(f"{person.name} has no view of this app with this name.")


def _read(connection: Connection, app: App, number: int | None) -> list[ReportSchedule]:
    rows = named_rows(connection, _SELECT, {"app": app.id, "id": number})
    return [schedule_from_row(row) for row in rows]


def _changed(
    resources: Resources,
    actor: Actor,
    app: App,
    known: ReportSchedule,
    step: _ScheduleStep,
    values: dict[str, Any],
) -> ReportSchedule:
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, step.statement, {"id": known.id, **values})
        changed = _known(connection, app, known.id)
        change = Change(step.action, known.name, _told(known), _told(changed))
        record_change(connection, actor, app.id, change)
    return changed


def _checked(
    connection: Connection,
    app: App,
    form: ScheduleForm,
    others: Sequence[ReportSchedule],
    now_ms: int,
) -> dict[str, Any]:
    """Returns the values of a form for the table. Raises BadValue, OperatorError."""
    if form.every not in set(Every):
        raise BadValue("every", f"must be one of {', '.join(Every)}.")
    taken = [each.name for each in others]
    name, target = check_target(_RULES, form.name, form.channel, form.target, taken)
    zone = form.zone.strip() or app.time_zone
    timing = Timing(form.every, form.on, form.hour, zone)
    return {
        **asdict(form),
        "zone": zone,
        "follows_app": not form.zone.strip(),
        "name": name,
        "target": target,
        "query": _checked_query(connection, app, form.query, now_ms),
        "next_at": timing.next_after(moment_of(now_ms)),
    }


def _checked_query(connection: Connection, app: App, text: str, now_ms: int) -> str:
    """Returns a query that can be answered now. Raises BadValue, OperatorError."""
    # The address of a page may be pasted as a whole.
    query = text.strip().rpartition("?")[2]
    if len(query) > QUERY_CHARACTERS_MAX:
        raise BadValue("query", f"must have at most {QUERY_CHARACTERS_MAX} characters.")
    values = TextQuery(query)
    environment = read_environment(values, Environment.PRODUCTION)
    question = read_question(values, environment, app, now_ms)
    check_names(question, app, read_names(connection, app))
    read_layout(values).check(question)
    return query


def _known(connection: Connection, app: App, number: int) -> ReportSchedule:
    found = schedule_with_id(connection, app, number)
    if found is None:
        raise OperatorError("The schedule was deleted meanwhile.")
    return found


def _told(known: ReportSchedule) -> dict[str, object]:
    """Returns what the audit log keeps: nobody's address, and no secret."""
    return {
        "channel": known.channel,
        "query": known.query,
        "when": known.when,
        "state": known.state,
    }
