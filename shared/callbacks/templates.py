"""Reads the URL of a callback with its macros, and fills them in.

Scheme, host and port are always those that somebody wrote: a macro stands in the path or the query
only, and its value is percent-encoded there, so that no value leads to another host or adds a
parameter or a header.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from shared.callbacks.addresses import host_fault
from shared.callbacks.conversion_facts import ConversionFacts
from shared.callbacks.macro import Macro
from shared.callbacks.macros import BY_NAME, BY_PATH

URL_CHARACTERS_MAX = 2_048
MACROS_MAX = 64
VALUE_CHARACTERS_MAX = 1_024  # longer ones are left out: no macro's genuine value is

_MACRO = re.compile(r"(#?)\{([^{}]*)\}")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_PORT = re.compile(r"[0-9]{1,5}")
_REST = re.compile(r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")  # RFC 3986
_ALTERNATIVE = "||"

Part = str | tuple[Macro, ...]


@dataclass(frozen=True)
class UrlTemplate:
    """A URL in pieces: text as it is, and the macros of which the first with a value counts."""

    parts: Sequence[Part]

    def fill(self, facts: ConversionFacts) -> str:
        """Returns the URL of one callback; a macro without a value leaves its place empty."""
        filled: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            value = next((value for macro in part if (value := macro.read(facts))), "")
            # A value of dots alone would be read as "this folder" or "the parent folder".
            if len(value) <= VALUE_CHARACTERS_MAX and value.strip("."):
                filled.append(quote(value, safe="", errors="replace"))
        return "".join(filled)


def url_fault(url: str, *, allows_unknown: bool = False) -> str | None:
    """Returns the rule that a URL breaks, as the end of a sentence; None if it is valid."""
    parts = _URL.fullmatch(url)
    if parts is None or len(url) > URL_CHARACTERS_MAX:
        return (
            f"must be an address of at most {URL_CHARACTERS_MAX} characters that begins with "
            "https:// or http://."
        )
    host, colon, port = parts["authority"].partition(":")
    if "@" in parts["authority"]:
        return host_fault(parts["authority"])
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65_536):
        return "must have a plain number from 1 to 65535 as its port, or none."
    return host_fault(host) or _rest_fault(parts["rest"], allows_unknown=allows_unknown)


def _rest_fault(rest: str, *, allows_unknown: bool) -> str | None:
    found = _MACRO.findall(rest)
    if len(found) > MACROS_MAX:
        return f"may have at most {MACROS_MAX} macros."
    unknown = [f"{mark}{{{name}}}" for mark, name in found if _macros(mark, name) is None]
    if unknown and not allows_unknown:
        return f"has an unknown macro: {unknown[0][:80]}. docs/callbacks.md lists them all."
    if not rest.startswith(("/", "?")) and rest:
        return "must have a slash or a question mark after its host."
    if not _REST.fullmatch(_MACRO.sub("", rest)):
        return "has a character that is not allowed in an address. Percent-encode it."
    return None


@lru_cache(maxsize=1024)
def read_template(url: str) -> UrlTemplate:
    """Reads a URL that is valid; an unknown macro has no value."""
    parts: list[Part] = []
    end = 0
    for found in _MACRO.finditer(url):
        parts += [url[end : found.start()], _macros(found[1], found[2]) or ()]
        end = found.end()
    return UrlTemplate((*parts, url[end:]))


def host_of(url: str) -> str:
    """Returns the host of a valid URL, in lower case."""
    parts = _URL.fullmatch(url)
    return parts["authority"].partition(":")[0].lower() if parts else ""


def _macros(mark: str, names: str) -> tuple[Macro, ...] | None:
    """Returns the macros between two braces; None if one of them is unknown."""
    known = BY_PATH if mark else BY_NAME
    macros = [known.get(name.strip()) for name in names.split(_ALTERNATIVE)]
    return None if None in macros else tuple(macro for macro in macros if macro)
