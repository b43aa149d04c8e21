"""Signing in with a name and a password."""

from console.accounts.login import TooManyAttempts, WrongPassword, sign_in
from console.accounts.login_sessions import open_session
from console.web.page_request import PageRequest
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect


def show(request: PageRequest) -> Answer:
    back = local_path(request.query.get("next", "/"))
    if request.person is not None:
        return Redirect(back)
    return Page("sign_in.html", {"back": back, "fault": ""})


def enter(request: PageRequest) -> Answer:
    back = local_path(request.form.get("next", "/"))
    key = request.services.settings.secret_key
    name, password = request.form.get("name"), request.form.exact("password")
    try:
        person = sign_in(request.connection, key, name, password, request.address)
    except (WrongPassword, TooManyAttempts) as refusal:
        return Page("sign_in.html", {"back": back, "fault": refusal.message}, refusal.status)
    return Redirect(back, session=open_session(request.connection, key, person))
