"""The pages that answer "Why is this organic?", of users and of a link's day."""

from datetime import date

from console.apps.apps import App
from console.lookup.link_day import read_link_day
from console.lookup.why import explain_question, read_question
from console.web.lookups import link_of
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page
from shared.errors import BadValue


def show(request: PageRequest, app: App) -> Answer:
    """Shows the form, and below it the answer to what was asked."""
    asked = [request.query.get(name) for name in ("q", "address", "time")]
    if not any(asked):
        return Page("why.html", {"answer": None, "problem": ""})
    try:
        question = read_question(*asked)
    except BadValue as error:
        return Page("why.html", {"answer": None, "problem": error.message})
    answer = explain_question(request.connection, app, request.environment, question)
    return Page("why.html", {"answer": answer, "problem": ""})


def show_link_day(request: PageRequest, app: App, link_id: int) -> Answer:
    link = link_of(request.connection, app, link_id)
    try:
        day = date.fromisoformat(request.query.get("day"))
    except ValueError:
        raise BadValue("day", "must be a date, such as 2026-11-28.") from None
    counted = read_link_day(request.connection, app, request.environment, link, day)
    return Page("link_day.html", {"link": link, "counted": counted})
