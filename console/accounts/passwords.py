"""Refuses passwords that are short or easy to guess; hashes and verifies the others.

Argon2id with the parameters that OWASP's password storage page recommends: 19 MiB and about 30 ms
an attempt, so that several people who sign in at once need no more memory than the rest of the
console. How easily a password is guessed is estimated by zxcvbn, whose dictionaries hold 30,000
common passwords, words, names and rows of keys, also in other cases, reversed and with digits for
letters.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

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
_WORD_CHARACTERS_MIN = 3
_PRODUCT_WORDS = ("waybill", "console", "postback", "swaarm", "adjust")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified for an unknown name, so that the response time does not reveal who exists.
_NOBODY = _HASHER.hash("nobody has this password")

PasswordCheck = Callable[[str | None, str], bool]


def hash_password(password: str, known_words: Sequence[str] = ()) -> str:
    """Returns the hash of a password.

    `known_words` are what a guesser tries first, such as the person's name and those of the apps.
    Raises OperatorError when it is too short, too long or too easy to guess.
    """
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise OperatorError(
            f"The password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters. "
            "Several unrelated words make a good one."
        )
    words = [*_PRODUCT_WORDS, *_spellings(known_words)]
    if min(_guesses_log10(form, words) for form in _forms(password)) < math.log10(GUESSES_MIN):
        raise OperatorError(
            "This password is too easy to guess: it is common, or made of a common password, a "
            "name of a person or an app, a date, a row of keys or a repetition. Several unrelated "
            "words make a good one."
        )
    return _HASHER.hash(password)


def _forms(password: str) -> set[str]:
    """Returns a password as guessers reach it: also in plain letters, and without its separator.

    Only where there is one kind: what a generator puts between is part of what has to be guessed.
    """
    plain = unicodedata.normalize("NFKC", password)
    between = {character for character in plain if not character.isalnum()}
    return {password, plain, plain.replace(between.pop(), "") if len(between) == 1 else plain}


def _spellings(known_words: Iterable[str]) -> list[str]:
    """Returns words as a whole, each part of them, and all parts in one."""
    parts = [re.findall(r"[^\W_]+", text) for text in known_words]
    texts = {*known_words, *("".join(each) for each in parts), *(p for each in parts for p in each)}
    return sorted(text for text in texts if len(text) >= _WORD_CHARACTERS_MIN)


def _guesses_log10(password: str, words: Sequence[str]) -> float:
    estimate = zxcvbn(password[:_ESTIMATED_CHARACTERS_MAX], user_inputs=words)
    return float(estimate["guesses_log10"])


def is_password(stored: str | None, password: str) -> bool:
    """Tells whether the password has this stored hash, in the same time if there is none."""
    try:
        return _HASHER.verify(stored or _NOBODY, password[:CHARACTERS_MAX]) and stored is not None
    except VerificationError:
        return False
