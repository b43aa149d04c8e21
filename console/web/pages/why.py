"""The pages that answer "Why is this organic?", of users and of a link's day."""

from console.apps.apps import App
from console.lookup.link_day import day_or_today, read_link_day
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


def show_rules(request: PageRequest, app: App) -> Answer:  # noqa: ARG001 - as every page of an app
    """Shows how attribution works, in the words of the docs."""
    return Page("how_attribution_works.html", {})


def show_link_day(request: PageRequest, app: App, link_id: int) -> Answer:
    """Shows a day of the link, today unless the query names one."""
    link = link_of(request.connection, app, link_id)
    day = day_or_today(app, request.query.get("day"))
    counted = read_link_day(request.connection, app, request.environment, link, day)
    return Page("link_day.html", {"link": link, "counted": counted})
