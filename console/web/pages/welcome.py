"""The page of a one-time link: choose a password and be signed in."""

from console.accounts.invitations import InvalidInvitation, accept_invitation, find_invited_person
from console.accounts.known_browsers import mark_browser
from console.accounts.login_sessions import open_session
from console.web.page_errors import error_page
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import OperatorError
from shared.vocabulary import AccessEvent


def show(request: PageRequest, secret: str, error: str = "") -> Answer:
    """Shows the form, changing nothing: mail programs open links before people do."""
    key = request.services.settings.secret_key
    try:
        invited = find_invited_person(request.connection, key, secret)
    except InvalidInvitation as unusable:
        return error_page(unusable, 410)
    return Page("welcome.html", {"invited": invited, "error": error}, 422 if error else 200)


def choose_password(request: PageRequest, secret: str) -> Answer:
    key = request.services.settings.secret_key
    password = request.form.exact("password")
    if password != request.form.exact("again"):
        return show(request, secret, "The two passwords do not match.")
    try:
        person = accept_invitation(request.connection, key, secret, password)
    except OperatorError as error:
        return show(request, secret, error.message)
    session = open_session(request.connection, key, person)
    request.note_access(AccessEvent.SIGN_IN, person.actor.name, person.id)
    flash = f"Welcome, {person.name}. You are signed in."
    return Redirect("/", flash, session, mark_browser(key, person.name))
