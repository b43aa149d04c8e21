"""Signs people in with a password and limits the number of attempts.

Attempts are counted before the password is checked, so that a thousand at once are counted too: for
a name from one address, for an address, and for a name from everywhere. The limit of the last is
high, because anybody could use it to lock somebody out.
"""

from console.accounts.people import Person, authenticate
from shared.database import Connection, run
from shared.errors import WaybillError
from shared.tokens import token_digest

WINDOW_MINUTES = 15
NAME_FROM_ADDRESS_MAX = 8
ADDRESS_MAX = 40
NAME_MAX = 200

_COUNT = """
INSERT INTO sign_in_attempts AS earlier (key, attempts) VALUES (%(key)s, 1)
ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN earlier.started_at > now() - make_interval(mins => %(window)s)
                    THEN earlier.attempts + 1 ELSE 1 END,
    started_at = CASE WHEN earlier.started_at > now() - make_interval(mins => %(window)s)
                      THEN earlier.started_at ELSE now() END
RETURNING attempts
"""
# Deletes what is over, and the attempts of the name that has now signed in.
_DELETE = """
DELETE FROM sign_in_attempts
WHERE key = %(key)s OR started_at < now() - make_interval(mins => %(window)s)
"""


class WrongPassword(WaybillError):
    """The same answer for an unknown name, a wrong password and a deactivated account."""

    code = "wrong_password"
    status = 403

    def __init__(self) -> None:
        super().__init__("The name or password is incorrect.")


class TooManyAttempts(WaybillError):
    """The limit of attempts for this name or address has been reached."""

    code = "too_many_attempts"
    status = 429

    def __init__(self) -> None:
        super().__init__(
            f"Too many sign-in attempts. Wait {WINDOW_MINUTES} minutes, then try again."
        )


def sign_in(
    connection: Connection, secret_key: bytes, name: str, password: str, address: str
) -> Person:
    """Returns the person with this name and password.

    Raises WrongPassword or TooManyAttempts.
    """
    name = name.strip()
    limits = (
        (f"name {name.lower()} from {address}", NAME_FROM_ADDRESS_MAX),
        (f"address {address}", ADDRESS_MAX),
        (f"name {name.lower()}", NAME_MAX),
    )
    keys = [(token_digest(secret_key, text.encode()), limit) for text, limit in limits]
    allowed = [_count_attempt(connection, key) <= limit for key, limit in keys]
    if not all(allowed):
        raise TooManyAttempts
    person = authenticate(connection, name, password)
    if person is None:
        raise WrongPassword
    run(connection, _DELETE, {"key": keys[0][0], "window": WINDOW_MINUTES})
    return person


def _count_attempt(connection: Connection, key: bytes) -> int:
    row = run(connection, _COUNT, {"key": key, "window": WINDOW_MINUTES}).fetchone()
    assert row is not None
    return int(row[0])
