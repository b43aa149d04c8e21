"""The sign-in page: sign in with a name and a password."""

from console.accounts import login
from console.accounts.attempts import TooManyAttempts
from console.accounts.login import LoginAttempt, WrongPassword
from console.accounts.people import known_person
from console.web.page_request import PageRequest
from console.web.pages.signin.code import finish_sign_in
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect
from shared.vocabulary import AccessEvent


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
        note_refusal(request, error, name)
        return Page("login.html", {"back": back, "error": error.message}, error.status)
    return finish_sign_in(request, person, back)


def note_refusal(
    request: PageRequest, error: WrongPassword | TooManyAttempts, typed_name: str
) -> None:
    """Records a refused password under the person's name, but never what else was typed as one."""
    event = (
        AccessEvent.LOCK_OUT if isinstance(error, TooManyAttempts) else AccessEvent.WRONG_PASSWORD
    )
    person = known_person(request.connection, typed_name.strip())
    if person is None:
        request.note_access(event)
    else:
        request.note_access(event, person.actor.name, person.id)
