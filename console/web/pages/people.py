"""People of the console: invite, change roles, close."""

from console.accounts.invitations import make_link
from console.accounts.people import (
    Person,
    close_person,
    create_person,
    list_people,
    person_with_id,
    reopen_person,
    set_role,
)
from console.actor import Role
from console.web.page_errors import BadRequest
from console.web.page_request import Visit
from console.web.responses import Answer, Page, Redirect


def show(visit: Visit) -> Answer:
    return _page(visit)


def invite(visit: Visit) -> Answer:
    """Shows the link, once, for the admin to pass on."""
    person = create_person(visit.connection, visit.actor, visit.form.get("name"), _role(visit))
    return _page(visit, person, _link(visit, person))


def new_link(visit: Visit, person_id: int) -> Answer:
    person = person_with_id(visit.connection, person_id)
    return _page(visit, person, _link(visit, person))


def change_role(visit: Visit, person_id: int) -> Answer:
    person = person_with_id(visit.connection, person_id)
    person = set_role(visit.connection, visit.actor, person, _role(visit))
    return Redirect("/people", f"{person.name} is {_called(person.role)} now.")


def close(visit: Visit, person_id: int) -> Answer:
    person = close_person(
        visit.connection, visit.actor, person_with_id(visit.connection, person_id)
    )
    return Redirect("/people", f"{person.name} is signed out and cannot sign in any more.")


def reopen(visit: Visit, person_id: int) -> Answer:
    person = reopen_person(
        visit.connection, visit.actor, person_with_id(visit.connection, person_id)
    )
    return Redirect("/people", f"{person.name} may sign in again.")


def _page(visit: Visit, invited: Person | None = None, link: str = "") -> Answer:
    values = {
        "people": list_people(visit.connection),
        "invited": invited,
        "link": link,
        "roles": list(Role),
    }
    return Page("people.html", values)


def _link(visit: Visit, person: Person) -> str:
    settings = visit.services.settings
    secret = make_link(visit.connection, settings.secret_key, visit.actor, person)
    return f"{settings.console_url}/welcome/{secret}"


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form.get("role"))
    except ValueError:
        raise BadRequest("The role is admin or viewer.") from None


def _called(role: Role) -> str:
    return "an admin" if role is Role.ADMIN else "a viewer"
