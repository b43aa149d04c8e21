"""Signing in with a name and a password."""

from console.sessions import open_session
from console.sign_in import TooManyAttempts, WrongPassword, sign_in
from console.web.answers import Answer, Page, Redirect
from console.web.visit import Visit
from console.web.ways_back import local_path


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
