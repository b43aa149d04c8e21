"""One-time links: each lets one person choose a password, and signs them in with it.

How the first admin comes in, how people are invited, and how a forgotten password is mended.
"""

import secrets

from console.accounts.people import (
    COLUMNS,
    Person,
    create_person,
    find_person,
    has_working_admin,
    person_of,
    set_password,
)
from console.actor import Actor, Role, require_admin
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.tokens import token_digest

LINK_HOURS_MAX = 24
FIRST_ADMIN = "admin"
PREFIX = "wbi_"  # which the redaction of logs knows
_FIND = f"""
    SELECT {COLUMNS} FROM one_time_links JOIN people ON people.id = person_id
    WHERE digest = %s AND expires_at > now() AND closed_at IS NULL
"""


class LinkUsed(OperatorError):
    """The link is nobody's: used, too old, or never given."""

    def __init__(self) -> None:
        super().__init__(
            "This link has been used or is older than a day. Ask an admin for a new one.",
            "`waybill admin link` makes one.",
        )


def make_link(connection: Connection, secret_key: bytes, actor: Actor, person: Person) -> str:
    """The secret that their link ends with. An earlier one of theirs is void. NotAllowed."""
    require_admin(actor)
    secret = PREFIX + secrets.token_hex(32)
    with transaction(connection):
        run(connection, "DELETE FROM one_time_links WHERE person_id = %s", (person.id,))
        run(
            connection,
            """
            INSERT INTO one_time_links (digest, person_id, expires_at)
            VALUES (%s, %s, now() + make_interval(hours => %s))
            """,
            (token_digest(secret_key, secret.encode()), person.id, LINK_HOURS_MAX),
        )
        record_change(connection, actor, None, Change(Action.PERSON_LINK, person.name, None, {}))
    return secret


def first_way_in(resources: Resources, actor: Actor) -> str:
    """The path at which the first admin comes in; "" once there is an admin who can sign in."""
    connection, secret_key = resources.connection, resources.secret_key
    if has_working_admin(connection):
        return ""
    try:
        person = find_person(connection, FIRST_ADMIN)
    except OperatorError:
        person = create_person(connection, actor, FIRST_ADMIN, Role.ADMIN)
    return f"/welcome/{make_link(connection, secret_key, actor, person)}"


def find_invited(connection: Connection, secret_key: bytes, secret: str) -> Person:
    """Whose link it is; it stays unused. Raises LinkUsed."""
    digest = token_digest(secret_key, secret.encode())
    row = run(connection, _FIND, (digest,)).fetchone()
    if row is None:
        raise LinkUsed
    return person_of(row)


def use_link(connection: Connection, secret_key: bytes, secret: str, password: str) -> Person:
    """Give its person this password. Raises LinkUsed, or OperatorError for a bad password: then
    the link stays good.
    """
    digest = token_digest(secret_key, secret.encode())
    with transaction(connection):
        person = find_invited(connection, secret_key, secret)
        taken = run(
            connection, "DELETE FROM one_time_links WHERE digest = %s RETURNING digest", (digest,)
        ).fetchone()
        if taken is None:  # somebody was faster
            raise LinkUsed
        return set_password(connection, person.actor, person, password)
