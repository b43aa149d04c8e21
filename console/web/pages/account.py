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
    """Changes the password and ends all sessions in other browsers.

    Records a wrong current password. Raises TooManyAttempts.
    """
    current, password = request.form.exact("current"), request.form.exact("password")
    if password != request.form.exact("again"):
        raise OperatorError("The two new passwords do not match.")
    key, me = request.services.settings.secret_key, request.me
    try:
        is_current = confirm_password(request.connection, key, me, current, request.secret)
    except TooManyAttempts:
        request.note_access(AccessEvent.LOCK_OUT, me.actor.name, me.id)
        raise
    if not is_current:
        request.note_access(AccessEvent.WRONG_PASSWORD, me.actor.name, me.id)
        raise OperatorError("The current password is incorrect.")
    person = set_password(request.connection, request.actor, me, password)
    session = open_session(request.connection, key, person, by_provider=me.by_provider)
    flash = "Your password has been changed. You are signed out in all other browsers."
    return Redirect("/account", flash, session)


def sign_out(request: PageRequest) -> Answer:
    close_session(request.connection, request.services.settings.secret_key, request.secret)
    return Redirect("/sign-in", "You are signed out.", new_secret())


def sign_out_everywhere(request: PageRequest) -> Answer:
    close_sessions(request.connection, request.me)
    return Redirect("/sign-in", "You are signed out everywhere.", new_secret())
