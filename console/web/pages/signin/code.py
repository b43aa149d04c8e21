"""The second step of signing in: a code of the authenticator, or a recovery code."""

from urllib.parse import quote

from console.accounts.attempts import TooManyAttempts
from console.accounts.known_browsers import mark_browser
from console.accounts.login import confirm_code
from console.accounts.login_sessions import open_session
from console.accounts.pending_sign_ins import close_pending, find_pending, open_pending
from console.accounts.people import Person
from console.accounts.second_factor import WrongCode
from console.web.page_request import PageRequest
from console.web.redirects import local_path
from console.web.responses import Answer, Page, Redirect
from shared.vocabulary import AccessEvent


def finish_sign_in(request: PageRequest, person: Person, back: str, flash: str = "") -> Answer:
    """Signs a person in who has shown their password, or asks for the second step."""
    key = request.services.settings.secret_key
    if person.has_second_factor:
        secret = open_pending(request.connection, key, person)
        return Redirect(f"/sign-in/code?next={quote(back)}", session=secret)
    return enter(request, person, back, flash)


def enter(
    request: PageRequest, person: Person, back: str, flash: str = "", *, by_provider: bool = False
) -> Answer:
    """Opens a session and marks the browser as known; leads to a path of this console."""
    key = request.services.settings.secret_key
    request.note_access(AccessEvent.SIGN_IN, person.actor.name, person.id)
    session = open_session(request.connection, key, person, by_provider=by_provider)
    return Redirect(local_path(back), flash, session, mark_browser(key, person.name))


def show(request: PageRequest, error: str = "", status: int = 200) -> Answer:
    back = _back(request)
    key = request.services.settings.secret_key
    person = find_pending(request.connection, key, request.secret)
    if person is None:
        return Redirect(f"/sign-in?next={quote(back)}")
    return Page("code.html", {"back": back, "error": error}, status)


def check(request: PageRequest) -> Answer:
    """Signs the person in if the code is theirs; a refused one is recorded."""
    key = request.services.settings.secret_key
    person, back = find_pending(request.connection, key, request.secret), _back(request)
    if person is None:
        return Redirect(f"/sign-in?next={quote(back)}", "The sign-in took too long. Begin anew.")
    try:
        confirm_sent_code(request, person)
    except (WrongCode, TooManyAttempts) as error:
        return show(request, error.message, 429 if isinstance(error, TooManyAttempts) else 422)
    close_pending(request.connection, key, request.secret)
    return enter(request, person, back)


def confirm_sent_code(request: PageRequest, person: Person) -> None:
    """Checks the code of the form. Raises WrongCode, TooManyAttempts; either is recorded."""
    key, now_ms = request.services.settings.secret_key, request.services.clock()
    try:
        confirm_code(
            request.connection, key, person, request.form.get("code"), request.browser, now_ms
        )
    except (WrongCode, TooManyAttempts) as error:
        is_locked = isinstance(error, TooManyAttempts)
        event = AccessEvent.LOCK_OUT if is_locked else AccessEvent.WRONG_CODE
        request.note_access(event, person.actor.name, person.id)
        raise


def _back(request: PageRequest) -> str:
    """Returns the path of this console that signing in leads to."""
    return local_path(request.form.get("next") or request.query.get("next", "/"))
