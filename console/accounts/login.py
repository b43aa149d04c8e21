"""Signing in with a password, so many times and no more.

Attempts are counted before the password is looked at, so that a thousand at once are counted too:
for a name from one address, for an address, and for a name from everywhere. The last is wide, for
with it anybody could lock somebody out.
"""

from console.accounts.people import Person, check_password
from shared.database import Connection, run
from shared.errors import WaybillError
from shared.tokens import token_digest

WINDOW_MINUTES = 15
NAME_FROM_ADDRESS_MAX = 8
ADDRESS_MAX = 40
NAME_MAX = 200

_COUNT = """
INSERT INTO sign_in_attempts AS kept (key, attempts) VALUES (%(key)s, 1)
ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN kept.started_at > now() - make_interval(mins => %(window)s)
                    THEN kept.attempts + 1 ELSE 1 END,
    started_at = CASE WHEN kept.started_at > now() - make_interval(mins => %(window)s)
                      THEN kept.started_at ELSE now() END
RETURNING attempts
"""


class WrongPassword(WaybillError):
    """One answer for an unknown name, a wrong password and a closed account."""

    code = "wrong_password"
    status = 403

    def __init__(self) -> None:
        super().__init__("The name or the password is not right.")


class TooManyAttempts(WaybillError):
    code = "too_many_attempts"
    status = 429

    def __init__(self) -> None:
        super().__init__(
            f"Too many attempts to sign in. Wait {WINDOW_MINUTES} minutes, then try again."
        )


def sign_in(
    connection: Connection, secret_key: bytes, name: str, password: str, address: str
) -> Person:
    """Raises WrongPassword or TooManyAttempts."""
    name = name.strip()
    here = f"name {name.lower()} from {address}"
    limits = (
        (here, NAME_FROM_ADDRESS_MAX),
        (f"address {address}", ADDRESS_MAX),
        (f"name {name.lower()}", NAME_MAX),
    )
    keys = [(token_digest(secret_key, what.encode()), allowed) for what, allowed in limits]
    counted = [_count(connection, key) <= allowed for key, allowed in keys]
    if not all(counted):
        raise TooManyAttempts
    person = check_password(connection, name, password)
    if person is None:
        raise WrongPassword
    _forget(connection, keys[0][0])
    return person


def _count(connection: Connection, key: bytes) -> int:
    row = run(connection, _COUNT, {"key": key, "window": WINDOW_MINUTES}).fetchone()
    assert row is not None
    return int(row[0])


def _forget(connection: Connection, key: bytes) -> None:
    """What is over, and the attempts of who has now signed in."""
    run(
        connection,
        """
        DELETE FROM sign_in_attempts
        WHERE key = %s OR started_at < now() - make_interval(mins => %s)
        """,
        (key, WINDOW_MINUTES),
    )
