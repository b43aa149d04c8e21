"""Writes texts into CSV so that no spreadsheet computes them (CWE-1236)."""

import re

# A cell may begin with a letter, a digit or one of these; so may what follows a separator or quote
# within it, where many spreadsheets begin another cell, whatever it says in quotes. Anything else
# is a formula in some program, or may become one.
_PLAIN = r"\w()\[\]{}<>:.#$/!\u20ac\u00a3"
_SEPARATOR = r""";,|\t\r\n"'"""
_OTHER_START = re.compile(
    rf"(^|[{_SEPARATOR}])(\s*(?=\S)(?![{_PLAIN}{_SEPARATOR}])|(?<![^\n])[\t\r\n])"
)


def inert(text: str) -> str:
    """Puts an apostrophe, which spreadsheets do not show, before whatever one might compute."""
    return _OTHER_START.sub(r"\1'\2", text)
