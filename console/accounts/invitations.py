"""Invitations: one-time links, each of which lets one person choose a password and signs them in.

They are how the first admin gets access, people are invited and a forgotten password is reset.
"""

import secrets

from console.accounts.people import (
    COLUMNS,
    Person,
    create_person,
    find_person,
    has_active_admin,
    person_from_row,
    set_password,
)
from console.actor import Actor, Role, require_admin
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.keys.installation_key import accepted_digests
from shared.tokens import token_digest

INVITATION_HOURS_MAX = 24
FIRST_ADMIN = "admin"
PREFIX = "wbi_"  # the redaction of logs recognises it
_INSERT = """
    INSERT INTO one_time_links (digest, person_id, expires_at)
    VALUES (%s, %s, now() + make_interval(hours => %s))
"""
_FIND = f"""
    SELECT {COLUMNS} FROM one_time_links JOIN people ON people.id = person_id
    WHERE digest = ANY(%s) AND expires_at > now() AND closed_at IS NULL
"""


class InvalidInvitation(OperatorError):
    """The link is not valid: already used, expired, or never issued."""

    def __init__(self) -> None:
        super().__init__(
            "This link has been used or is older than a day. Ask an admin for a new one.",
            "`waybill admin link` creates one.",
        )


def create_invitation(
    connection: Connection, secret_key: bytes, actor: Actor, person: Person
) -> str:
    """Creates an invitation and returns the secret that ends its link.

    It replaces an earlier invitation of this person. Raises NotAllowed for a viewer.
    """
    require_admin(actor)
    secret = PREFIX + secrets.token_hex(32)
    with transaction(connection):
        run(connection, "DELETE FROM one_time_links WHERE person_id = %s", (person.id,))
        digest = token_digest(secret_key, secret.encode())
        run(connection, _INSERT, (digest, person.id, INVITATION_HOURS_MAX))
        record_change(connection, actor, None, Change(Action.PERSON_LINK, person.name, None, {}))
    return secret


def invite_first_admin(resources: Resources, actor: Actor, *, passwords: bool = True) -> str:
    """Returns the path of the first admin's invitation, or "" if an admin can already sign in."""
    connection, secret_key = resources.connection, resources.secret_key
    if has_active_admin(connection, passwords=passwords):
        return ""
    try:
        person = find_person(connection, FIRST_ADMIN)
    except OperatorError:
        person = create_person(connection, actor, FIRST_ADMIN, Role.ADMIN)
    return f"/welcome/{create_invitation(connection, secret_key, actor, person)}"


def find_invited_person(connection: Connection, secret_key: bytes, secret: str) -> Person:
    """Returns the person whose link it is, without using the link up.

    Raises InvalidInvitation.
    """
    digests = accepted_digests(secret_key, secret.encode())
    row = run(connection, _FIND, (digests,)).fetchone()
    if row is None:
        raise InvalidInvitation
    return person_from_row(row)


def accept_invitation(
    connection: Connection, secret_key: bytes, secret: str, password: str
) -> Person:
    """Sets the password of the invited person and uses the link up.

    Raises InvalidInvitation, or OperatorError for a bad password, after which the link is still
    valid.
    """
    digests = accepted_digests(secret_key, secret.encode())
    with transaction(connection):
        person = find_invited_person(connection, secret_key, secret)
        deleted = run(
            connection,
            "DELETE FROM one_time_links WHERE digest = ANY(%s) RETURNING digest",
            (digests,),
        ).fetchone()
        if deleted is None:  # it was used at the same moment
            raise InvalidInvitation
        return set_password(connection, person.actor, person, password)
