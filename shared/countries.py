"""Countries by their codes of ISO 3166-1 alpha-2, and what people call them."""

from collections.abc import Mapping
from functools import cache

import pycountry

# ISO leaves this code to its users; senders, Unicode and databases of addresses agree on it.
_BESIDES = {"XK": "Kosovo"}
_CODE_LENGTH = 2


def country_code(text: str | None) -> str | None:
    """The code in capitals, whatever case it came in; None for anything that is no country's."""
    code = (text or "").strip()
    if len(code) != _CODE_LENGTH or not code.isascii():
        return None
    code = code.upper()
    return code if code in _names() else None


def country_name(code: str) -> str:
    """What people call it; a code that is none stays as it is."""
    return _names().get(code, code)


@cache
def _names() -> Mapping[str, str]:
    listed = {
        entry.alpha_2: getattr(entry, "common_name", entry.name) for entry in pycountry.countries
    }
    return listed | _BESIDES
