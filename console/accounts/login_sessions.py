"""Sign-in sessions of the console: each is one person in one browser until it expires."""

import secrets
from dataclasses import replace

from console.accounts.people import COLUMNS, Person, person_from_row
from shared.database import Connection, run
from shared.keys.installation_key import accepted_digests
from shared.tokens import token_digest

IDLE_HOURS_MAX = 24
SESSION_DAYS_MAX = 7

# The last use is written once a minute at most: a page must not cost a write.
_FIND = f"""
WITH found AS (
    SELECT digest, person_id, seen_at, by_provider FROM console_sessions
    WHERE digest = ANY(%(digests)s)
      AND seen_at > now() - make_interval(hours => %(idle)s)
      AND created_at > now() - make_interval(days => %(days)s)
), seen AS (
    UPDATE console_sessions SET seen_at = now()
    FROM found
    WHERE console_sessions.digest = found.digest
      AND found.seen_at < now() - interval '1 minute'
)
SELECT found.by_provider, {COLUMNS}
FROM found JOIN people ON people.id = person_id WHERE closed_at IS NULL
"""
_DELETE_EXPIRED = """
DELETE FROM console_sessions
WHERE seen_at < now() - make_interval(hours => %(idle)s)
   OR created_at < now() - make_interval(days => %(days)s)
"""
_LIMITS = {"idle": IDLE_HOURS_MAX, "days": SESSION_DAYS_MAX}


def new_secret() -> str:
    """Generates the secret of a session, 256 random bits, which the browser stores."""
    return secrets.token_urlsafe(32)


def open_session(
    connection: Connection, secret_key: bytes, person: Person, *, by_provider: bool = False
) -> str:
    """Opens a session and returns its secret; deletes expired sessions.

    The secret is always new, whatever the browser stored before.
    """
    secret = new_secret()
    run(connection, _DELETE_EXPIRED, _LIMITS)
    run(
        connection,
        "INSERT INTO console_sessions (digest, person_id, by_provider) VALUES (%s, %s, %s)",
        (token_digest(secret_key, secret.encode()), person.id, by_provider),
    )
    return secret


def find_session(connection: Connection, secret_key: bytes, secret: str) -> Person | None:
    """Returns the person of a session that has not expired, unless they are deactivated."""
    digests = accepted_digests(secret_key, secret.encode())
    row = run(connection, _FIND, {"digests": digests, **_LIMITS}).fetchone()
    return None if row is None else replace(person_from_row(row[1:]), by_provider=row[0])


def close_session(connection: Connection, secret_key: bytes, secret: str) -> None:
    digests = accepted_digests(secret_key, secret.encode())
    run(connection, "DELETE FROM console_sessions WHERE digest = ANY(%s)", (digests,))


def close_sessions(connection: Connection, person: Person) -> None:
    """Signs a person out in every browser."""
    run(connection, "DELETE FROM console_sessions WHERE person_id = %s", (person.id,))
