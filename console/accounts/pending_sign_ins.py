"""Sign-ins that wait for the second step: the password was right, and nothing can be seen yet.

They have a table of their own, so that nothing that looks for a session can find one.
"""

from console.accounts.login_sessions import new_secret
from console.accounts.people import COLUMNS, Person, person_from_row
from shared.database import Connection, run
from shared.keys.installation_key import accepted_digests
from shared.tokens import token_digest

MINUTES_MAX = 10

_DELETE_OLD = """
    DELETE FROM pending_sign_ins WHERE created_at < now() - make_interval(mins => %s)
"""
_FIND = f"""
    SELECT {COLUMNS} FROM pending_sign_ins AS waiting JOIN people ON people.id = waiting.person_id
    WHERE digest = ANY(%s) AND waiting.created_at > now() - make_interval(mins => %s)
      AND closed_at IS NULL
"""


def open_pending(connection: Connection, secret_key: bytes, person: Person) -> str:
    """Notes that a person has shown their password; returns the secret that the browser keeps."""
    secret = new_secret()
    run(connection, _DELETE_OLD, (MINUTES_MAX,))
    digest = token_digest(secret_key, secret.encode())
    run(
        connection,
        "INSERT INTO pending_sign_ins (digest, person_id) VALUES (%s, %s)",
        (digest, person.id),
    )
    return secret


def find_pending(connection: Connection, secret_key: bytes, secret: str) -> Person | None:
    """Returns who has shown their password in this browser within minutes, unless deactivated."""
    digests = accepted_digests(secret_key, secret.encode())
    row = run(connection, _FIND, (digests, MINUTES_MAX)).fetchone()
    return None if row is None else person_from_row(row)


def close_pending(connection: Connection, secret_key: bytes, secret: str) -> None:
    digests = accepted_digests(secret_key, secret.encode())
    run(connection, "DELETE FROM pending_sign_ins WHERE digest = ANY(%s)", (digests,))
