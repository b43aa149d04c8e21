"""Recognizes names that reports use themselves, and names that look like another one.

Reports call what belongs to no partner `(organic)`, `(unknown partner)` or `NAME (source)`. A
partner of such a name would share a row with it, and one that differs by letter case or by
characters that nobody sees could not be told apart.
"""

import re
import unicodedata

from shared.names.invisible import is_invisible

# What stands in parentheses alone, and what ends with the suffix of a source.
_RESERVED = re.compile(r"\(.*\)|.*\(source\)( ?\((partner|link)\))?")


def visible_name(name: str) -> str:
    """Returns a name without the characters that nobody sees, and without surrounding spaces."""
    return "".join(character for character in name if not is_invisible(character)).strip()


def is_fully_visible(name: str) -> bool:
    """Tells whether every character of a name can be seen."""
    return not any(map(is_invisible, name))


def skeleton(name: str) -> str:
    """Returns what names have in common that look the same to a hurried reader."""
    folded = unicodedata.normalize("NFKC", visible_name(name)).casefold()
    return " ".join(unicodedata.normalize("NFKC", visible_name(folded)).split())


def is_reserved(name: str) -> bool:
    """Tells whether reports use this name, or one that looks like it, for something else."""
    return _RESERVED.fullmatch(skeleton(name)) is not None
