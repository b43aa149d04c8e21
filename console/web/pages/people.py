"""The page of people: invite them, change their roles and apps, deactivate and reactivate them."""

from console.accounts.app_roles import grant_app, revoke_app
from console.accounts.invitations import create_invitation
from console.accounts.people import (
    Person,
    create_person,
    deactivate_person,
    list_people,
    person_with_id,
    reactivate_person,
    set_email,
    set_role,
)
from console.accounts.second_factor import remove_factor
from console.actor import AppRole, Role
from console.apps.apps import find_app, list_apps
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.database import transaction
from shared.errors import OperatorError

NO_ROLE = "none"
APP_ROLES = {"editor": "an editor", "viewer": "a viewer"}


def show(request: PageRequest) -> Answer:
    return _page(request)


def invite(request: PageRequest) -> Answer:
    """Creates a person and shows the one-time link, only this once, for the admin to pass on."""
    with transaction(request.connection):
        name, email = request.form.get("name"), request.form.get("email")
        person = create_person(request.connection, request.actor, name, _role(request))
        if email:
            person = _set_email(request, person, email)
    return _page(request, person, _link(request, person))


def new_link(request: PageRequest, person_id: int) -> Answer:
    person = person_with_id(request.connection, person_id)
    return _page(request, person, _link(request, person))


def change_role(request: PageRequest, person_id: int) -> Answer:
    person = person_with_id(request.connection, person_id)
    passwords = request.services.settings.takes_passwords
    role = _role(request)
    person = set_role(request.connection, request.actor, person, role, passwords=passwords)
    article = "an" if person.role is Role.ADMIN else "a"
    return Redirect("/people", f"{person.name} is now {article} {person.role}.")


def change_app_role(request: PageRequest, person_id: int) -> Answer:
    """Gives a member a role in an app, or takes it away."""
    person = person_with_id(request.connection, person_id)
    app = find_app(request.connection, request.form.get("app"))
    text = request.form.get("app_role")
    if text == NO_ROLE:
        revoke_app(request.connection, request.actor, person, app)
        return Redirect("/people", f"{person.name} no longer reaches {app.name}.")
    if text not in {*AppRole}:
        raise BadRequest("The role in an app must be editor, viewer or none.")
    grant_app(request.connection, request.actor, person, app, AppRole(text))
    return Redirect("/people", f"{person.name} is now {APP_ROLES[text]} of {app.name}.")


def change_email(request: PageRequest, person_id: int) -> Answer:
    """Sets the address by which the identity provider's account of a person is found."""
    person = person_with_id(request.connection, person_id)
    _set_email(request, person, request.form.get("email"))
    return Redirect("/people", f"The e-mail address of {person.name} has been saved.")


def reset_second_factor(request: PageRequest, person_id: int) -> Answer:
    """Removes the second step of somebody who has lost their authenticator and their codes."""
    person = person_with_id(request.connection, person_id)
    if person.id == request.me.id:  # whoever has found the session open knows neither
        raise OperatorError(
            "Remove your own second step on Your account, with your password and a code. If you "
            "have lost both, ask another admin."
        )
    remove_factor(request.connection, request.actor, person)
    return Redirect("/people", f"{person.name} signs in with the password alone again.")


def close(request: PageRequest, person_id: int) -> Answer:
    person = person_with_id(request.connection, person_id)
    passwords = request.services.settings.takes_passwords
    person = deactivate_person(request.connection, request.actor, person, passwords=passwords)
    flash = f"{person.name} is deactivated: signed out, and unable to sign in."
    return Redirect("/people", flash)


def reopen(request: PageRequest, person_id: int) -> Answer:
    person = reactivate_person(
        request.connection, request.actor, person_with_id(request.connection, person_id)
    )
    return Redirect("/people", f"{person.name} is reactivated and can sign in again.")


def _page(request: PageRequest, invited: Person | None = None, link: str = "") -> Answer:
    settings = request.services.settings
    values = {
        "people": list_people(request.connection),
        "invited": invited,
        "link": link,
        "roles": list(Role),
        "apps": [app.name for app in list_apps(request.connection)],
        "provider": settings.oidc_name if settings.has_provider else "",
    }
    return Page("people.html", values)


def _set_email(request: PageRequest, person: Person, email: str) -> Person:
    passwords = request.services.settings.takes_passwords
    return set_email(request.connection, request.actor, person, email, passwords=passwords)


def _link(request: PageRequest, person: Person) -> str:
    settings = request.services.settings
    secret = create_invitation(request.connection, settings.secret_key, request.actor, person)
    return f"{settings.console_url}/welcome/{secret}"


def _role(request: PageRequest) -> Role:
    try:
        return Role(request.form.get("role"))
    except ValueError:
        raise BadRequest("The role must be admin, viewer or member.") from None
