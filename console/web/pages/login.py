"""Signing in with a name and a password."""

from console.accounts.login import TooManyAttempts, WrongPassword, sign_in
from console.accounts.login_sessions import open_session
from console.web.page_request import Visit
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect


def show(visit: Visit) -> Answer:
    back = local_path(visit.query.get("next", "/"))
    if visit.person is not None:
        return Redirect(back)
    return Page("sign_in.html", {"back": back, "fault": ""})


def enter(visit: Visit) -> Answer:
    back = local_path(visit.form.get("next", "/"))
    key = visit.services.settings.secret_key
    name, password = visit.form.get("name"), visit.form.exact("password")
    try:
        person = sign_in(visit.connection, key, name, password, visit.address)
    except (WrongPassword, TooManyAttempts) as refusal:
        return Page("sign_in.html", {"back": back, "fault": refusal.message}, refusal.status)
    return Redirect(back, session=open_session(visit.connection, key, person))
