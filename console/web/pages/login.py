"""The sign-in page: sign in with a name and a password."""

from console.accounts import login
from console.accounts.attempts import TooManyAttempts
from console.accounts.known_browsers import mark_browser
from console.accounts.login import LoginAttempt, WrongPassword
from console.accounts.login_sessions import open_session
from console.web.page_request import PageRequest
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect


def show(request: PageRequest) -> Answer:
    back = local_path(request.query.get("next", "/"))
    if request.person is not None:
        return Redirect(back)
    return Page("login.html", {"back": back, "error": ""})


def sign_in(request: PageRequest) -> Answer:
    back = local_path(request.form.get("next", "/"))
    key = request.services.settings.secret_key
    name, password = request.form.get("name"), request.form.exact("password")
    attempt = LoginAttempt(name, password, request.address, request.browser)
    try:
        person = login.sign_in(request.connection, key, attempt)
    except (WrongPassword, TooManyAttempts) as error:
        return Page("login.html", {"back": back, "error": error.message}, error.status)
    session = open_session(request.connection, key, person)
    return Redirect(back, session=session, browser=mark_browser(key, person.name))
