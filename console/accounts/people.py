"""People: the accounts of the console, with their roles."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.accounts.api_keys import revoke_keys_of
from console.accounts.passwords import PasswordCheck, hash_password, is_password
from console.actor import Actor, AppRole, Reach, Role, require_admin
from console.audit import Action, Change, record_change
from console.validation import clean_text
from shared.database import Connection, run, transaction
from shared.errors import BadValue, OperatorError

NAME_CHARACTERS_MAX = 100
# ASCII only, and folded as such: PostgreSQL folds a few other letters to those of somebody else.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")
_NEWEST_APPS = "SELECT name FROM apps ORDER BY id DESC LIMIT 1000"  # what a guesser may know
_OTHER_WITH_EMAIL = "SELECT FROM people WHERE lower(email) = lower(%s) AND id <> %s"


@dataclass(frozen=True)
class AppGrant:
    """A role of a member in an app."""

    app_id: int
    app: str
    role: AppRole


@dataclass(frozen=True)
class Person:
    """An account of the console.

    `has_password` is false until the person has chosen one. With `closed_at` the account is
    deactivated: the person cannot sign in. `apps` are those that a member reaches. With a second
    factor, signing in takes a code too. By the verified `email` the identity provider's accounts
    are found. `by_provider` is true in a session that the provider has let in.
    """

    id: int
    name: str
    role: Role
    has_password: bool
    created_at: datetime
    closed_at: datetime | None
    apps: tuple[AppGrant, ...] = ()
    has_second_factor: bool = False
    email: str | None = None
    by_provider: bool = False

    @property
    def reach(self) -> Reach:
        """Returns what the account reaches."""
        return Reach(self.role, {grant.app_id: grant.role for grant in self.apps})

    @property
    def actor(self) -> Actor:
        """Returns the actor of the changes that this person makes in the console."""
        return Actor(f"console:{self.name}", self.role)

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


COLUMNS = (
    "people.id, people.name, people.role, people.password_hash IS NOT NULL, people.created_at, "
    "people.closed_at, people.email, ("
    "  SELECT json_agg(json_build_array(app_id, apps.name, app_roles.role) ORDER BY apps.name)"
    "  FROM app_roles JOIN apps ON apps.id = app_id"
    "  WHERE person_id = people.id AND people.role = 'member'"
    "), EXISTS ("
    "  SELECT FROM second_factors WHERE person_id = people.id AND confirmed_at IS NOT NULL"
    ")"
)
_SELECT = f"SELECT {COLUMNS} FROM people"
_INSERT = f"""
    INSERT INTO people (name, role) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""
_UPDATE = f"UPDATE people SET {{}} WHERE id = %(id)s RETURNING {COLUMNS}"
_PASSWORD = f"SELECT password_hash, {COLUMNS} FROM people WHERE lower(name) = lower(%s)"
_WORKING_ADMIN = """
    SELECT FROM people
    WHERE role = 'admin' AND closed_at IS NULL AND (
        (password_hash IS NOT NULL AND %(passwords)s)
        OR EXISTS (SELECT FROM provider_accounts WHERE person_id = people.id)
    )
"""


def person_from_row(row: tuple[Any, ...]) -> Person:
    """Returns the person of a row of COLUMNS."""
    *account, grants, has_second_factor = row
    number, name, role, has_password, created_at, closed_at, email = account
    apps = tuple(AppGrant(app_id, app, AppRole(given)) for app_id, app, given in grants or ())
    return Person(
        *(number, name, Role(role), has_password, created_at, closed_at),
        apps=apps,
        has_second_factor=has_second_factor,
        email=email,
    )


def create_person(connection: Connection, actor: Actor, name: str, role: Role) -> Person:
    """Creates an account, which has no password until the person chooses one.

    Raises OperatorError when the name is taken, and NotAllowed for a viewer.
    """
    require_admin(actor)
    values = clean_text("name", name, NAME_CHARACTERS_MAX), role
    with transaction(connection):
        row = run(connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError("Another person has this name. Choose a different name.")
        person = person_from_row(row)
        _record(connection, actor, Action.PERSON_CREATE, None, person)
    return person


def list_people(connection: Connection) -> list[Person]:
    """Returns all people by name, deactivated ones too."""
    rows = run(connection, f"{_SELECT} ORDER BY lower(name)")
    return [person_from_row(row) for row in rows]


def find_person(connection: Connection, name: str) -> Person:
    """Returns the person with this name. Raises OperatorError when nobody has it."""
    return _find(connection, "lower(name) = lower(%s)", clean_text("The name", name, 100))


def person_with_id(connection: Connection, number: int) -> Person:
    """Returns the person with this id. Raises OperatorError when there is none."""
    return _find(connection, "id = %s", number)


def has_active_admin(connection: Connection, *, passwords: bool = True) -> bool:
    """Tells whether there is an admin who can sign in, by a password where these are taken."""
    return run(connection, _WORKING_ADMIN, {"passwords": passwords}).fetchone() is not None


def set_password(connection: Connection, actor: Actor, person: Person, password: str) -> Person:
    """Sets a person's password and ends all their sessions.

    Anybody may set their own: `actor` is then that person. Raises OperatorError when the password
    is too short, too long or too easy to guess, and NotAllowed for a viewer.
    """
    if actor != person.actor:
        require_admin(actor)
    apps = [name for (name,) in run(connection, _NEWEST_APPS)]
    password_hash = hash_password(password, [person.name, person.email or "", *apps])
    with transaction(connection):
        _end_access(connection, person)
        changed = _update(connection, person, "password_hash = %(value)s", password_hash)
        _record(connection, actor, Action.PERSON_PASSWORD, person, changed)
    return changed


def authenticate(
    connection: Connection, name: str, password: str, check: PasswordCheck = is_password
) -> Person | None:
    """Returns the person if the password is theirs and they may sign in, else None.

    An unknown name takes the same time. So does one that PostgreSQL alone takes for the person's:
    attempts are counted by what Python folds.
    """
    row = run(connection, _PASSWORD, (name,)).fetchone()
    stored, person = (row[0], person_from_row(row[1:])) if row else (None, None)
    is_right = check(stored, password)
    if person is None or person.closed_at is not None or person.name.lower() != name.lower():
        return None
    return person if is_right else None


def known_person(connection: Connection, name: str) -> Person | None:
    """Returns the person with this name, whatever was typed as one."""
    row = run(connection, f"{_SELECT} WHERE lower(name) = lower(%s)", (name,)).fetchone()
    return None if row is None else person_from_row(row)


def set_role(
    connection: Connection, actor: Actor, person: Person, role: Role, *, passwords: bool = True
) -> Person:
    """Sets a person's role; any but that of a member ends the roles in apps.

    Without `passwords` nobody signs in with one. Raises OperatorError when no admin who can sign in
    would be left, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with _keeping_an_admin(connection, passwords=passwords):
        if role is not Role.MEMBER:  # else a later change back would give them again, unseen
            run(connection, "DELETE FROM app_roles WHERE person_id = %s", (person.id,))
        changed = _update(connection, person, "role = %(value)s", role)
        _record(connection, actor, Action.PERSON_ROLE, person, changed)
    return changed


def set_email(
    connection: Connection, actor: Actor, person: Person, email: str, *, passwords: bool = True
) -> Person:
    """Sets the address by which the identity provider's account of a person is found; "": none.

    Whoever of the provider was linked to the account before is so no more, and signed out. Raises
    BadValue, OperatorError when another account has the address or no admin who can sign in would
    be left, and NotAllowed for a viewer.
    """
    require_admin(actor)
    address = email.strip()
    if address and not _EMAIL.fullmatch(address):
        raise BadValue("email", "must be an address such as ada@example.com, in ASCII.")
    with _keeping_an_admin(connection, passwords=passwords):
        taken = run(connection, _OTHER_WITH_EMAIL, (address, person.id)).fetchone()
        if taken is not None:
            raise OperatorError("Another account has this e-mail address.")
        run(connection, "DELETE FROM provider_accounts WHERE person_id = %s", (person.id,))
        run(
            connection,
            "DELETE FROM console_sessions WHERE person_id = %s AND by_provider",
            (person.id,),
        )
        changed = _update(connection, person, "email = %(value)s", address or None)
        values = {"email": person.email}, {"email": changed.email}
        change = Change(Action.PERSON_EMAIL, person.name, *values)
        record_change(connection, actor, None, change)
    return changed


def deactivate_person(
    connection: Connection, actor: Actor, person: Person, *, passwords: bool = True
) -> Person:
    """Deactivates an account; its sessions and API keys end at once. Raises as `set_role` does."""
    require_admin(actor)
    with _keeping_an_admin(connection, passwords=passwords):
        _end_access(connection, person)
        revoke_keys_of(connection, actor, person.id)
        changed = _update(connection, person, "closed_at = coalesce(closed_at, now())")
        _record(connection, actor, Action.PERSON_CLOSE, person, changed)
    return changed


def reactivate_person(connection: Connection, actor: Actor, person: Person) -> Person:
    """Reactivates an account. Raises NotAllowed for a viewer."""
    require_admin(actor)
    with transaction(connection):
        changed = _update(connection, person, "closed_at = NULL")
        _record(connection, actor, Action.PERSON_REOPEN, person, changed)
    return changed


def _find(connection: Connection, condition: str, value: object) -> Person:
    row = run(connection, f"{_SELECT} WHERE {condition}", (value,)).fetchone()
    if row is None:
        raise OperatorError("There is no person with this name.", "See `waybill admin list`.")
    return person_from_row(row)


def _update(connection: Connection, person: Person, change: str, value: object = None) -> Person:
    arguments = {"id": person.id, "value": value}
    row = run(connection, _UPDATE.format(change), arguments).fetchone()
    assert row is not None  # people are never deleted
    return person_from_row(row)


def _record(
    connection: Connection, actor: Actor, action: Action, before: Person | None, after: Person
) -> None:
    change = Change(action, after.name, _audited(before) if before else None, _audited(after))
    record_change(connection, actor, None, change)


def _audited(person: Person) -> dict[str, object]:
    return {"role": person.role, "closed": person.closed_at is not None}


def _end_access(connection: Connection, person: Person) -> None:
    run(connection, "DELETE FROM console_sessions WHERE person_id = %s", (person.id,))
    run(connection, "DELETE FROM one_time_links WHERE person_id = %s", (person.id,))
    run(connection, "DELETE FROM pending_sign_ins WHERE person_id = %s", (person.id,))


@contextmanager
def _keeping_an_admin(connection: Connection, *, passwords: bool) -> Iterator[None]:
    """Runs a transaction; raises OperatorError if it would leave no admin who can sign in."""
    with transaction(connection):
        # Two admins who demote each other at once must not both succeed.
        run(connection, "LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
        before = has_active_admin(connection, passwords=passwords)
        yield
        if before and not has_active_admin(connection, passwords=passwords):
            raise OperatorError(
                "No admin who can sign in would be left. Make another person an admin first."
            )
