"""The page on which people set up and remove the second step of their own sign-in."""

from console.accounts.attempts import TooManyAttempts
from console.accounts.login import confirm_password
from console.accounts.second_factor import (
    begin_enrolment,
    confirm_enrolment,
    find_factor,
    remove_factor,
    renew_recovery_codes,
    show_enrolment,
)
from console.web.page_request import PageRequest
from console.web.pages.signin.code import confirm_sent_code
from console.web.responses import Answer, Page, Redirect
from shared.accounts.account_settings import REQUIRED
from shared.errors import OperatorError
from shared.vocabulary import AccessEvent

PATH = "/account/second-factor"


def show(request: PageRequest) -> Answer:
    return _page(request)


def begin(request: PageRequest) -> Answer:
    """Creates a secret, which the page shows until it is confirmed."""
    _confirm_password(request)
    begin_enrolment(request.connection, request.services.settings.secret_key, request.me)
    return Redirect(PATH)


def confirm(request: PageRequest) -> Answer:
    """Puts the second step in force and shows the recovery codes, only this once."""
    services = request.services
    codes = confirm_enrolment(
        request.connection,
        services.settings.secret_key,
        request.me,
        request.form.get("code"),
        services.clock(),
    )
    return _page(request, codes)


def renew(request: PageRequest) -> Answer:
    """Replaces the recovery codes, which takes the password and a code. Raises OperatorError."""
    _confirm_password(request)
    confirm_sent_code(request, request.me)
    return _page(request, renew_recovery_codes(request.connection, request.me.actor, request.me))


def remove(request: PageRequest) -> Answer:
    """Removes the second step, which takes the password and a code. Raises OperatorError."""
    if request.services.settings.second_factor == REQUIRED:
        raise OperatorError("This installation requires a second step. Ask an admin to reset it.")
    _confirm_password(request)
    confirm_sent_code(request, request.me)
    remove_factor(request.connection, request.me.actor, request.me)
    return Redirect(PATH, "Signing in takes the password alone again.")


def _page(request: PageRequest, codes: list[str] | None = None) -> Answer:
    key = request.services.settings.secret_key
    factor = find_factor(request.connection, key, request.me)
    is_waiting = factor is not None and factor.confirmed_at is None
    values = {
        "factor": factor,
        "enrolment": show_enrolment(request.me, factor) if factor and is_waiting else None,
        "codes": codes,
        "is_required": request.services.settings.second_factor == REQUIRED,
    }
    return Page("second_factor.html", values)


def _confirm_password(request: PageRequest) -> None:
    """Raises OperatorError for a wrong password, which is recorded, and TooManyAttempts."""
    key, me = request.services.settings.secret_key, request.me
    password = request.form.exact("current")
    try:
        is_current = confirm_password(request.connection, key, me, password, request.secret)
    except TooManyAttempts:
        request.note_access(AccessEvent.LOCK_OUT, me.actor.name, me.id)
        raise
    if not is_current:
        request.note_access(AccessEvent.WRONG_PASSWORD, me.actor.name, me.id)
        raise OperatorError("The current password is incorrect.")
