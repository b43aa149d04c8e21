"""Recognizes characters that nobody sees, and removes them around a text.

They come with what is copied out of chats, documents and spreadsheets: zero-width spaces, byte
order marks, marks of the direction of writing. Around an ID they would make another ID of it.
Inside a text some of them have a meaning (a joiner in Persian, in Hindi and between emoji), so that
there an ID is kept as it was sent.
"""

import unicodedata

_INVISIBLE = frozenset({"Cf", "Zl", "Zp"})  # zero-width, bidirectional, and separators of lines
# Drawn as nothing, in other categories: Hangul fillers, Braille blank, Khmer inherent vowels, the
# variation selectors, and what Unicode reserves for such characters (Default_Ignorable_Code_Point).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0") | frozenset(
    map(
        chr,
        (
            *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10)),
            *(*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)),
        ),
    )
)
_CONTROL = "Cc"


def is_invisible(character: str) -> bool:
    """Tells whether nobody sees a character, which is no ordinary space."""
    return character in _BLANK or unicodedata.category(character) in _INVISIBLE


def trimmed(text: str) -> str:
    """Returns a text without the white space and the invisible characters around it."""
    bare = text.strip()
    if bare.isascii():  # as nearly always, and ASCII has no invisible characters
        return bare
    start, end = 0, len(bare)
    while start < end and _is_nothing(bare[start]):
        start += 1
    while start < end and _is_nothing(bare[end - 1]):
        end -= 1
    return bare[start:end]


def _is_nothing(character: str) -> bool:
    return (
        character.isspace()
        or is_invisible(character)
        or (character > "\x7f" and unicodedata.category(character) == _CONTROL)
    )
