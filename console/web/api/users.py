"""Handles calls about users, and about the state of an event."""

from uuid import UUID

from console.apps.apps import App
from console.browse.event_filter import FIELDS, read_filter
from console.browse.event_list import EventPage, list_events
from console.browse.recent_users import UserPage, list_recent_users
from console.cursor import Cursor
from console.lookup.trace import Trace, trace
from console.lookup.user_timeline import UserTimeline, user_timeline
from console.lookup.why import QuestionAnswer, explain_question, read_question
from console.reports.bounds import moment_of
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.lookups import visible_names
from shared.clock import now_ms


def events(call: ApiCall, app: App) -> EventPage:
    values = {name: call.query.get(name) for name in FIELDS}
    wanted = read_filter(call.connection, app, call.environment, values, now_ms())
    return list_events(
        call.connection, app, wanted, Cursor.read(call.query.get("before")), call.count
    )


def recent(call: ApiCall, app: App) -> UserPage:
    now, before = moment_of(now_ms()), Cursor.read(call.query.get("before"))
    return list_recent_users(call.connection, app, call.environment, now, before, call.count)


def timeline(call: ApiCall, app: App, user_id: str) -> UserTimeline:
    return user_timeline(call.connection, app, call.environment, user_id, call.count)


def why(call: ApiCall, app: App) -> QuestionAnswer:
    """Explains nothing without a question."""
    asked = [call.query.get(name) for name in ("id", "address", "time")]
    if not any(asked):
        return QuestionAnswer([], [])
    question = read_question(*asked)
    return explain_question(call.connection, app, call.environment, question)


def trace_event(call: ApiCall, receipt: UUID) -> Trace:
    visible = visible_names(call.connection, call.reach)
    return trace(call.connection, call.resources.redis, receipt, visible)


USER_ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"{APP}/why",
        "Explain an install, found by an ID or by address and time, click by click.",
        why,
        QuestionAnswer,
        query=("environment", "id", "address", "time"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/events",
        "List an app's events, newest first; `after` is the `before` of the next page.",
        events,
        EventPage,
        query=("environment", *FIELDS, "before", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/users",
        "List the users seen last, with source, country and revenue.",
        recent,
        UserPage,
        query=("environment", "before", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/users/{{user_id}}",
        "Return a user's clicks, events, sessions and attributions, with the reason of each "
        "attribution.",
        timeline,
        UserTimeline,
        query=("environment", "count"),
    ),
    ApiEndpoint(
        "GET",
        "/receipts/{receipt:uuid}",
        "Return the state of an event, and the event once it is stored.",
        trace_event,
        Trace,
        for_members=True,
    ),
)
