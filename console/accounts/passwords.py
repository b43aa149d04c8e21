"""Refuses passwords that are short or easy to guess; hashes and verifies the others.

Argon2id with the parameters that OWASP's password storage page recommends: 19 MiB and about 30 ms
an attempt, so that several people who sign in at once need no more memory than the rest of the
console. How easily a password is guessed is estimated by zxcvbn, whose dictionaries hold 30,000
common passwords, words, names and rows of keys, also in other cases, reversed and with digits for
letters.
"""

import math
from collections.abc import Callable, Sequence

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from shared.errors import OperatorError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 200
# What zxcvbn calls "very unguessable": ten years of a slow hash that has leaked, at 30 ms a guess.
GUESSES_MIN = 10**10
# zxcvbn takes no more, and its time grows with the square: up to 0.2 s for 72 characters.
_ESTIMATED_CHARACTERS_MAX = 72
_PRODUCT_WORDS = ("waybill", "console", "postback", "swaarm", "adjust")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified for an unknown name, so that the response time does not reveal who exists.
_NOBODY = _HASHER.hash("nobody has this password")

PasswordCheck = Callable[[str | None, str], bool]


def hash_password(password: str, known_words: Sequence[str] = ()) -> str:
    """Returns the hash of a password.

    `known_words` are what a guesser tries first, such as the person's name. Raises OperatorError
    when it is too short, too long or too easy to guess.
    """
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise OperatorError(
            f"The password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters. "
            "Several unrelated words make a good one."
        )
    words = [*_PRODUCT_WORDS, *known_words]
    estimate = zxcvbn(password[:_ESTIMATED_CHARACTERS_MAX], user_inputs=words)
    if estimate["guesses_log10"] < math.log10(GUESSES_MIN):
        raise OperatorError(
            "This password is too easy to guess: it is common, or made of a common password, a "
            "name, a date, a row of keys or a repetition. Several unrelated words make a good one."
        )
    return _HASHER.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Tells whether the password has this stored hash, in the same time if there is none."""
    try:
        return _HASHER.verify(stored or _NOBODY, password[:CHARACTERS_MAX]) and stored is not None
    except VerificationError:
        return False
