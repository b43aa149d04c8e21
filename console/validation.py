"""What people may call things, and the codes that are made up where they give none."""

import secrets
import string
import unicodedata

from shared.errors import BadValue

_CODE_ALPHABET = string.ascii_lowercase + string.digits  # what Adjust's own tokens are made of
_UNPRINTABLE = {"Cc", "Cs"}  # control characters; bytes of the terminal that are not UTF-8


def label(name: str, value: str, characters_max: int) -> str:
    """The value without the spaces around it. Raises BadValue of this name."""
    text = value.strip()
    if not 1 <= len(text) <= characters_max:
        raise BadValue(name, f"must have 1 to {characters_max} characters.")
    if has_control_characters(text):
        raise BadValue(name, "must be readable text, without control characters.")
    return text


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def random_code(length: int) -> str:
    """A name for machines, not a secret: 36 ** length of them, in lower case."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(length))
