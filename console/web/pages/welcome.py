"""The page of a one-time link: choose a password and be signed in."""

from console.accounts.invitations import InvalidInvitation, accept_invitation, find_invited_person
from console.web.page_errors import error_page
from console.web.page_request import PageRequest
from console.web.pages.signin.code import finish_sign_in
from console.web.responses import Answer, Page
from shared.errors import OperatorError


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
    return finish_sign_in(request, person, "/", f"Welcome, {person.name}. You are signed in.")
