"""The sign-in page: sign in with a name and a password."""

from console.accounts import login
from console.accounts.attempts import TooManyAttempts
from console.accounts.login import LoginAttempt, WrongPassword
from console.accounts.people import known_person
from console.web.page_request import PageRequest
from console.web.pages.signin.code import finish_sign_in
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect
from shared.errors import WaybillError
from shared.vocabulary import AccessEvent


class PasswordsOff(WaybillError):
    """A password where people sign in by the identity provider alone."""

    code = "passwords_off"
    status = 403

    def __init__(self) -> None:
        super().__init__("Nobody signs in with a password here. Use the sign-in service.")


def show(request: PageRequest) -> Answer:
    back = local_path(request.query.get("next", "/"))
    if request.person is not None:
        return Redirect(back)
    return sign_in_page(request, back)


def sign_in_page(request: PageRequest, back: str, error: WaybillError | None = None) -> Page:
    """Shows the ways of signing in, with the reason why one was refused."""
    settings = request.services.settings
    values = {
        "back": back,
        "error": error.message if error else "",
        "takes_passwords": settings.takes_passwords,
        "provider": settings.oidc_name if settings.has_provider else "",
    }
    return Page("login.html", values, error.status if error else 200)


def sign_in(request: PageRequest) -> Answer:
    back = local_path(request.form.get("next", "/"))
    if not request.services.settings.takes_passwords:
        return sign_in_page(request, back, PasswordsOff())
    key = request.services.settings.secret_key
    name, password = request.form.get("name"), request.form.exact("password")
    attempt = LoginAttempt(name, password, request.address, request.browser)
    try:
        person = login.sign_in(request.connection, key, attempt)
    except (WrongPassword, TooManyAttempts) as error:
        note_refusal(request, error, name)
        return sign_in_page(request, back, error)
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
