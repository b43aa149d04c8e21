"""The account page: a person's own password and sessions."""

from console.accounts.attempts import TooManyAttempts
from console.accounts.login import confirm_password
from console.accounts.login_sessions import close_session, close_sessions, new_secret, open_session
from console.accounts.people import set_password
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import OperatorError
from shared.vocabulary import AccessEvent


def show(_: PageRequest) -> Answer:
    return Page("account.html")


def change_password(request: PageRequest) -> Answer:
    """Changes the password and ends all sessions in other browsers."""
    current, password = request.form.exact("current"), request.form.exact("password")
    if password != request.form.exact("again"):
        raise OperatorError("The two new passwords do not match.")
    key = request.services.settings.secret_key
    if not _is_current(request, current):
        raise OperatorError("The current password is incorrect.")
    person = set_password(request.connection, request.actor, request.me, password)
    session = open_session(request.connection, key, person)
    flash = "Your password has been changed. You are signed out in all other browsers."
    return Redirect("/account", flash, session)


def sign_out(request: PageRequest) -> Answer:
    close_session(request.connection, request.services.settings.secret_key, request.secret)
    return Redirect("/sign-in", "You are signed out.", new_secret())


def sign_out_everywhere(request: PageRequest) -> Answer:
    close_sessions(request.connection, request.me)
    return Redirect("/sign-in", "You are signed out everywhere.", new_secret())


def _is_current(request: PageRequest, password: str) -> bool:
    """Tells whether it is the person's password, and records if not. Raises TooManyAttempts."""
    key, person = request.services.settings.secret_key, request.me
    try:
        if confirm_password(request.connection, key, person, password, request.secret):
            return True
    except TooManyAttempts:
        request.note_access(AccessEvent.LOCK_OUT, person.actor.name, person.id)
        raise
    request.note_access(AccessEvent.WRONG_PASSWORD, person.actor.name, person.id)
    return False
