"""Validates ISO 3166-1 alpha-2 country codes and maps them to the common names of countries."""

from collections.abc import Mapping
from functools import cache

import pycountry

# ISO leaves this code to its users; senders, Unicode and address databases agree on it.
_USER_ASSIGNED = {"XK": "Kosovo"}
_CODE_LENGTH = 2


def country_code(text: str | None) -> str | None:
    """Returns the code in capitals, from text in any case; None if it is no country's code."""
    code = (text or "").strip()
    if len(code) != _CODE_LENGTH or not code.isascii():
        return None
    code = code.upper()
    return code if code in _names() else None


def country_name(code: str) -> str:
    """Returns the common name of a country; an unknown code is returned as it is."""
    return _names().get(code, code)


@cache
def _names() -> Mapping[str, str]:
    iso = {
        country.alpha_2: getattr(country, "common_name", country.name)
        for country in pycountry.countries
    }
    return iso | _USER_ASSIGNED
