"""Counts attempts to prove who one is, each under keys that only its sender can fill.

An attempt is counted before the password is checked, so that a thousand at once are counted too. A
refused one writes nothing: it prolongs no lock-out and lets no table grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database import Connection, run, transaction
from shared.errors import WaybillError
from shared.tokens import token_digest

WINDOW_MINUTES = 15
# 8 MB. Beyond it the oldest counts are forgotten, for which somebody needs 50,000 networks.
ROWS_MAX = 50_000
_DELETED_ROWS_MAX = 20  # more than an attempt adds, so that the table shrinks under any load

# No row comes back when the limit is reached, and none is written.
_COUNT = """
INSERT INTO sign_in_attempts AS earlier (key, attempts) VALUES (%(key)s, 1)
ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN earlier.started_at > now() - make_interval(mins => %(window)s)
                    THEN earlier.attempts + 1 ELSE 1 END,
    started_at = CASE WHEN earlier.started_at > now() - make_interval(mins => %(window)s)
                      THEN earlier.started_at ELSE now() END
WHERE earlier.attempts < %(limit)s
   OR earlier.started_at <= now() - make_interval(mins => %(window)s)
RETURNING attempts
"""
_DELETE_OLD = """
WITH surplus AS (
    SELECT key FROM sign_in_attempts ORDER BY started_at DESC OFFSET %(rows)s LIMIT %(deleted)s
), old AS (
    SELECT key FROM sign_in_attempts
    WHERE started_at < now() - make_interval(mins => %(window)s)
    ORDER BY started_at LIMIT %(deleted)s
), free AS (
    SELECT key FROM sign_in_attempts
    WHERE key IN (SELECT key FROM surplus UNION SELECT key FROM old) FOR UPDATE SKIP LOCKED
)
DELETE FROM sign_in_attempts WHERE key IN (SELECT key FROM free)
"""
_FORGIVE = "UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE key = %s AND attempts > 0"


class TooManyAttempts(WaybillError):
    """The limit of attempts from this browser or network has been reached."""

    code = "too_many_attempts"
    status = 429

    def __init__(self) -> None:
        super().__init__(f"Too many attempts. Wait {WINDOW_MINUTES} minutes, then try again.")


@dataclass(frozen=True)
class AttemptLimit:
    """The number of attempts that may be made under a key within WINDOW_MINUTES."""

    key: bytes
    attempts_max: int


def attempt_limit(secret_key: bytes, text: str, attempts_max: int) -> AttemptLimit:
    """Returns the limit for a text, of which only a digest is stored."""
    return AttemptLimit(token_digest(secret_key, text.encode()), attempts_max)


def count_attempt(
    connection: Connection, limits: Sequence[AttemptLimit], rows_max: int = ROWS_MAX
) -> None:
    """Counts an attempt under every key, or under none and raises TooManyAttempts."""
    with transaction(connection):
        for limit in limits:
            arguments = {
                "key": limit.key,
                "limit": limit.attempts_max,
                "window": WINDOW_MINUTES,
            }
            if run(connection, _COUNT, arguments).fetchone() is None:
                raise TooManyAttempts
    run(
        connection,
        _DELETE_OLD,
        {"window": WINDOW_MINUTES, "rows": rows_max, "deleted": _DELETED_ROWS_MAX},
    )


def forgive_attempt(connection: Connection, limits: Sequence[AttemptLimit]) -> None:
    """Takes back an attempt that succeeded, so that people in one office never add up."""
    for limit in limits:
        run(connection, _FORGIVE, (limit.key,))
