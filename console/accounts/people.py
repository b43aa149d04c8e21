"""People: who may use the console. An admin may change things, a viewer looks on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.accounts.passwords import hash_password, is_password
from console.actor import Actor, Role, require_admin
from console.audit import Action, Change, record_change
from console.validation import label
from shared.database import Connection, run, transaction
from shared.errors import OperatorError

NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True)
class Person:
    """`has_password` is false until they have chosen one; one who is closed cannot sign in."""

    id: int
    name: str
    role: Role
    has_password: bool
    created_at: datetime
    closed_at: datetime | None

    @property
    def actor(self) -> Actor:
        """As whom they change things in the console."""
        return Actor(f"console:{self.name}", self.role)

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


COLUMNS = (
    "people.id, people.name, people.role, people.password_hash IS NOT NULL, people.created_at, "
    "people.closed_at"
)
_SELECT = f"SELECT {COLUMNS} FROM people"
_INSERT = f"""
    INSERT INTO people (name, role) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""
_UPDATE = f"UPDATE people SET {{}} WHERE id = %(id)s RETURNING {COLUMNS}"
_PASSWORD = f"SELECT password_hash, {COLUMNS} FROM people WHERE lower(name) = lower(%s)"
_WORKING_ADMIN = """
    SELECT FROM people
    WHERE role = 'admin' AND closed_at IS NULL AND password_hash IS NOT NULL
"""


def person_of(row: tuple[Any, ...]) -> Person:
    """From a row of COLUMNS."""
    number, name, role, has_password, created_at, closed_at = row
    return Person(number, name, Role(role), has_password, created_at, closed_at)


def create_person(connection: Connection, actor: Actor, name: str, role: Role) -> Person:
    """Without a password, until they choose one. Raises OperatorError when the name is taken;
    NotAllowed.
    """
    require_admin(actor)
    values = label("name", name, NAME_CHARACTERS_MAX), role
    with transaction(connection):
        row = run(connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError("Somebody has this name. Choose another one.")
        made = person_of(row)
        _record(connection, actor, Action.PERSON_CREATE, None, made)
    return made


def list_people(connection: Connection) -> list[Person]:
    """By name; those closed too."""
    rows = run(connection, f"{_SELECT} ORDER BY lower(name)")
    return [person_of(row) for row in rows]


def find_person(connection: Connection, name: str) -> Person:
    """Raises OperatorError when nobody has this name."""
    return _only(connection, "lower(name) = lower(%s)", label("The name", name, 100))


def person_with_id(connection: Connection, number: int) -> Person:
    """Raises OperatorError when there is none."""
    return _only(connection, "id = %s", number)


def has_working_admin(connection: Connection) -> bool:
    """Whether there is an admin who can sign in."""
    return run(connection, _WORKING_ADMIN).fetchone() is not None


def set_password(connection: Connection, actor: Actor, person: Person, password: str) -> Person:
    """Ends every session that they have. Anybody may set their own: `actor` is then themselves.

    Raises OperatorError when the password is too short; NotAllowed.
    """
    if actor != person.actor:
        require_admin(actor)
    kept = hash_password(password)
    with transaction(connection):
        _end_access(connection, person)
        changed = _update(connection, person, "password_hash = %(value)s", kept)
        _record(connection, actor, Action.PERSON_PASSWORD, person, changed)
    return changed


def check_password(connection: Connection, name: str, password: str) -> Person | None:
    """The person, if it is theirs and they may sign in. Who does not exist takes as long."""
    row = run(connection, _PASSWORD, (name,)).fetchone()
    kept, person = (row[0], person_of(row[1:])) if row else (None, None)
    if is_password(kept, password) and person is not None and person.closed_at is None:
        return person
    return None


def set_role(connection: Connection, actor: Actor, person: Person, role: Role) -> Person:
    """Raises OperatorError rather than leave nobody who can administer; NotAllowed."""
    require_admin(actor)
    with _an_admin_stays(connection):
        changed = _update(connection, person, "role = %(value)s", role)
        _record(connection, actor, Action.PERSON_ROLE, person, changed)
    return changed


def close_person(connection: Connection, actor: Actor, person: Person) -> Person:
    """They cannot sign in any more, from now on. Raises as `set_role` does."""
    require_admin(actor)
    with _an_admin_stays(connection):
        _end_access(connection, person)
        changed = _update(connection, person, "closed_at = coalesce(closed_at, now())")
        _record(connection, actor, Action.PERSON_CLOSE, person, changed)
    return changed


def reopen_person(connection: Connection, actor: Actor, person: Person) -> Person:
    """Raises NotAllowed."""
    require_admin(actor)
    with transaction(connection):
        changed = _update(connection, person, "closed_at = NULL")
        _record(connection, actor, Action.PERSON_REOPEN, person, changed)
    return changed


def _only(connection: Connection, condition: str, value: object) -> Person:
    row = run(connection, f"{_SELECT} WHERE {condition}", (value,)).fetchone()
    if row is None:
        raise OperatorError("There is nobody of this name.", "See `waybill admin list`.")
    return person_of(row)


def _update(connection: Connection, person: Person, change: str, value: object = None) -> Person:
    arguments = {"id": person.id, "value": value}
    row = run(connection, _UPDATE.format(change), arguments).fetchone()
    assert row is not None  # people are never deleted
    return person_of(row)


def _record(
    connection: Connection, actor: Actor, action: Action, before: Person | None, after: Person
) -> None:
    told = Change(action, after.name, _told(before) if before else None, _told(after))
    record_change(connection, actor, None, told)


def _told(person: Person) -> dict[str, object]:
    return {"role": person.role, "closed": person.closed_at is not None}


def _end_access(connection: Connection, person: Person) -> None:
    run(connection, "DELETE FROM console_sessions WHERE person_id = %s", (person.id,))
    run(connection, "DELETE FROM one_time_links WHERE person_id = %s", (person.id,))


@contextmanager
def _an_admin_stays(connection: Connection) -> Iterator[None]:
    with transaction(connection):
        # Two admins who demote each other at once must not both succeed.
        run(connection, "LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
        before = has_working_admin(connection)
        yield
        if before and not has_working_admin(connection):
            raise OperatorError(
                "Nobody would be left who can administer. Make somebody else an admin first."
            )
