"""Handles calls about users, and about the state of an event."""

from uuid import UUID

from console.apps.apps import App
from console.lookup.trace import Trace, trace
from console.lookup.user_timeline import UserTimeline, user_timeline
from console.lookup.why import QuestionAnswer, explain_question, read_question
from console.web.api.api_call import ApiCall


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
    return trace(call.connection, call.resources.redis, receipt)
