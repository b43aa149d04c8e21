"""Validates the names and destinations that people enter, and generates codes."""

import secrets
import string
import unicodedata
from collections.abc import Iterable

from shared.destinations import DESTINATION_CHARACTERS_MAX, destination_fault
from shared.errors import BadValue
from shared.names.invisible import trimmed
from shared.names.reserved_names import is_fully_visible, is_reserved, skeleton

_CODE_ALPHABET = string.ascii_lowercase + string.digits  # as in Adjust's own tokens
_BUILT_IN_PREFIX = "__"
_UNPRINTABLE = {"Cc", "Cs"}  # control characters; bytes of the terminal that are not UTF-8


def clean_text(name: str, value: str, characters_max: int) -> str:
    """Returns the value without surrounding spaces. Raises BadValue with this name."""
    text = value.strip()
    if not 1 <= len(text) <= characters_max:
        raise BadValue(name, f"must have 1 to {characters_max} characters.")
    if has_control_characters(text):
        raise BadValue(name, "must be printable text without control characters.")
    return text


def clean_shown_name(name: str, value: str, characters_max: int, taken: Iterable[str] = ()) -> str:
    """Returns a name that reports show. `taken` are those that it must not be mistaken for.

    The same name as one of these is no mistake. Raises BadValue with this name.
    """
    text = clean_text(name, value, characters_max)
    if not is_fully_visible(text):
        raise BadValue(
            name, "must not contain invisible characters. Type it instead of pasting it."
        )
    if is_reserved(text):
        rule = "must not be in parentheses nor end in (source): reports use such names themselves."
        raise BadValue(name, rule)
    names = set(taken)
    if text not in names and skeleton(text) in map(skeleton, names):
        raise BadValue(name, "looks like a name that exists. Use that name, or a different one.")
    return text


def clean_event_name(name: str, value: str, characters_max: int) -> str:
    """Returns a name that senders give an event: not one of those that are built in.

    What is around it and cannot be seen is no part of it, as in events. Raises BadValue with this
    name.
    """
    text = clean_text(name, trimmed(value), characters_max)
    if unicodedata.normalize("NFKC", text).startswith(_BUILT_IN_PREFIX):
        rule = f"must not begin with {_BUILT_IN_PREFIX}: such names are built in, as __open is."
        raise BadValue(name, rule)
    return text


def clean_code(name: str, value: str, characters_max: int) -> str:
    """Returns a name for machines, which has no spaces. Raises BadValue with this name."""
    text = clean_text(name, value, characters_max)
    if any(character.isspace() for character in text) or not is_fully_visible(text):
        raise BadValue(name, "must not contain spaces or invisible characters.")
    return text


def clean_destination(text: str) -> str:
    """Returns the destination of a link. Raises BadValue with the rule that it breaks."""
    destination = clean_text("destination", text, DESTINATION_CHARACTERS_MAX)
    if fault := destination_fault(destination):
        raise BadValue("destination", fault)
    return destination


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def random_code(length: int) -> str:
    """Generates a lower-case name for machines out of 36 ** length; it is not a secret."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(length))
