"""Checks the length of passwords, hashes and verifies them.

Argon2id with the parameters that OWASP's password storage page recommends: 19 MiB and about 30 ms
an attempt, so that several people who sign in at once need no more memory than the rest of the
console.
"""

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from shared.errors import OperatorError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 200
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified for an unknown name, so that the response time does not reveal who exists.
_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Returns the hash of a password. Raises OperatorError when it is too short or too long."""
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise OperatorError(
            f"The password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters. "
            "Several unrelated words make a good one."
        )
    return _HASHER.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Tells whether the password has this stored hash, in the same time if there is none."""
    try:
        return _HASHER.verify(stored or _NOBODY, password[:CHARACTERS_MAX]) and stored is not None
    except VerificationError:
        return False
