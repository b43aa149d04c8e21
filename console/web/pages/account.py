"""One's own account: password and sessions."""

from console.accounts.login_sessions import close_session, close_sessions, new_secret, open_session
from console.accounts.people import check_password, set_password
from console.web.page_request import Visit
from console.web.responses import Answer, Page, Redirect
from shared.errors import OperatorError


def show(_: Visit) -> Answer:
    return Page("account.html")


def change_password(visit: Visit) -> Answer:
    """Signs them out everywhere else."""
    current, chosen = visit.form.exact("current"), visit.form.exact("password")
    if chosen != visit.form.exact("again"):
        raise OperatorError("The two new passwords differ. Type the same one twice.")
    if check_password(visit.connection, visit.me.name, current) is None:
        raise OperatorError("The current password is not right.")
    person = set_password(visit.connection, visit.actor, visit.me, chosen)
    session = open_session(visit.connection, visit.services.settings.secret_key, person)
    return Redirect("/account", "Your password is changed; other browsers are signed out.", session)


def sign_out(visit: Visit) -> Answer:
    close_session(visit.connection, visit.services.settings.secret_key, visit.secret)
    return Redirect("/sign-in", "You are signed out.", new_secret())


def sign_out_everywhere(visit: Visit) -> Answer:
    close_sessions(visit.connection, visit.me)
    return Redirect("/sign-in", "You are signed out everywhere.", new_secret())
