"""Passwords of people: what may be one, and what is kept of it.

Argon2id with the parameters that OWASP's password storage page recommends: 19 MiB and about 30 ms
a try, so that a handful of people who sign in at once cost no more memory than the rest of us.
"""

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from shared.errors import OperatorError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 200
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What is checked where there is nobody, so that time does not tell who exists.
_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Raises OperatorError when it is too short or too long."""
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise OperatorError(
            f"The password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters. "
            "A few words that do not belong together make a good one."
        )
    return _HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Takes the same time whether or not there is one."""
    try:
        return _HASHER.verify(kept or _NOBODY, password[:CHARACTERS_MAX]) and kept is not None
    except VerificationError:
        return False
