"""Validates the destination of a link and fills in its macros for a click.

A destination is an address with macros that only an operator can write. Everything that decides
where a browser goes, scheme and host, is in the stored text. A macro comes after them, and its
value is percent-encoded, so that no click can lead anywhere else: once for the address itself, and
once more for each address or query string that it is nested in, such as the Play Store's referrer.
The names of macros are those of
`/click`'s parameters, and Swaarm's names for the same values, so that links can be migrated.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

DESTINATION_CHARACTERS_MAX = 2_048
MACROS_MAX = 32
MACRO_VALUE_CHARACTERS_MAX = 512
CLICK_ID_PARAMETER = "clkid"  # the name that Swaarm's web SDK reads

_OWN = (
    *("click_id", "offer_id", "pub_id", "pub_click_id", "pub_sub_id", "pub_sub_sub_id"),
    *("placement", "site", "app", "app_store_id", "creative", "campaign", "campaign_id"),
    *("adset", "adset_id", "ad", "ad_id", "term", "idfa", "gaid", "user_ip", "user_ua"),
)
# Maps a macro to its value. Source of the second part: Swaarm's pages on link macros.
MACROS: Mapping[str, str] = {name: name for name in _OWN} | {
    "id": "click_id",
    "offerId": "offer_id",
    "publisher.id": "pub_id",
    "publisher.subId": "pub_sub_id",
    "publisher.placement": "placement",
    "publisher.app": "app",
    "publisher.creative": "creative",
    "device.ids.idfa": "idfa",
    "device.ids.gaid": "gaid",
    "user.ip": "user_ip",
    "user.ua": "user_ua",
    "user.encoded_ua": "user_ua",
}

# Schemes that a browser opens or runs itself; every other scheme belongs to an app.
_NOT_AN_APPS = frozenset(
    {
        *("http", "ws", "wss", "ftp", "file", "javascript", "vbscript", "data", "blob"),
        *("filesystem", "about", "view-source", "jar", "resource", "content", "intent"),
        *("chrome", "chrome-extension", "moz-extension", "edge", "opera", "ms-appx"),
    }
)
_DESTINATION = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_APPS_HOST = re.compile(r"[A-Za-z0-9._-]*")
_MACRO = re.compile(r"\{([A-Za-z0-9_.]+)\}")
_REST = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")  # RFC 3986
_RESERVED = ":/?#@!$&'()*+,;=%"
_HERE = "\0"
_DELIMITERS = re.compile(r"[&?#]")
# What tells a nested address or query string from a text with a few encoded characters in it.
_NESTED = re.compile(r"%(?:25)*(?:3[DdFf]|26|3[Aa]%(?:25)*2[Ff]%(?:25)*2[Ff])")
_DEPTH_MAX = 4
_PLAY_STORE = re.compile(r"(?i)(https://play\.google\.com/store/apps/details|market://details)")


# Stands for a value while an address is put together: no text of an address is changed by it.
_SIGN = "waybill-value-"


class _Macro(NamedTuple):
    """A value by its parameter's name, and how often it is percent-encoded."""

    name: str
    encodings: int


def destination_fault(destination: str) -> str | None:
    """Returns the rule that a destination breaks, as the end of a sentence; None if it is valid."""
    parts = _DESTINATION.fullmatch(destination)
    if parts is None or len(destination) > DESTINATION_CHARACTERS_MAX:
        return (
            f"must be an address of at most {DESTINATION_CHARACTERS_MAX} characters, like "
            "https://shop.example/welcome or shop://welcome."
        )
    scheme = parts["scheme"].lower()
    if scheme in _NOT_AN_APPS:
        return "must begin with https:// or an app's own scheme."
    host = _HOST if scheme == "https" else _APPS_HOST
    if not host.fullmatch(parts["authority"]):
        return (
            "must have a plain host name after its scheme: no macro, no user name, and only "
            "letters, digits, dots and hyphens."
        )
    return _rest_fault(parts["rest"])


def destination_place(destination: str) -> tuple[str, str]:
    """Returns the scheme and the host of a valid destination, in lower case, without a port."""
    parts = _DESTINATION.fullmatch(destination)
    assert parts is not None  # it is valid
    return parts["scheme"].lower(), parts["authority"].partition(":")[0].lower()


def _rest_fault(rest: str) -> str | None:
    macros = _MACRO.findall(rest)
    if unknown := [macro for macro in macros if macro not in MACROS]:
        known = ", ".join(f"{{{name}}}" for name in MACROS)
        return f"has an unknown macro: {{{unknown[0]}}}. Use one of {known}."
    if len(macros) > MACROS_MAX:
        return f"may have at most {MACROS_MAX} macros."
    if not _REST.fullmatch(_MACRO.sub("", rest)):
        return "has a character that is not allowed in an address. Percent-encode it."
    return None


def address_for(destination: str, values: Mapping[str, str]) -> str:
    """Returns the ASCII address a click leads to, its macros filled, the click id as `clkid`.

    `values` are by parameter name. A macro whose value is missing, or too long to be genuine, is
    left empty. `click_id` is required.
    """
    parts = _parts_of(destination)
    if parts is not None:
        return "".join([part if isinstance(part, str) else _filled(part, values) for part in parts])
    depths = iter(_macro_depths(destination))
    address = _MACRO.sub(
        lambda macro: _filled(_Macro(MACROS.get(macro[1], ""), 1 + next(depths)), values),
        destination,
    )
    return quote(with_click_id(address, values["click_id"]), safe=_RESERVED)


def _filled(macro: _Macro, values: Mapping[str, str]) -> str:
    value = values.get(macro.name, "")
    if not macro.encodings:
        return value
    # A value of dots alone would be read as "this folder" or "the parent folder".
    if len(value) > MACRO_VALUE_CHARACTERS_MAX or not value.strip("."):
        return ""
    for _ in range(macro.encodings):
        value = quote(value, safe="")
    return value


@lru_cache(maxsize=1_024)
def _parts_of(destination: str) -> tuple[str | _Macro, ...] | None:
    """Splits the address that a destination leads to into what is always the same and the rest.

    None where a value may change more than its own place: as the whole of a parameter or a part of
    its name, in the path, and in the Play Store's referrer.
    """
    head, _, query = destination.partition("#")[0].partition("?")
    parameters = [each.partition("=") for each in query.split("&") if "{" in each]
    if (
        _SIGN in destination
        or "{" in head
        or any("{" in name or not equals for name, equals, _ in parameters)
        or (_PLAY_STORE.fullmatch(head) and any(name == "referrer" for name, _, _ in parameters))
    ):
        return None
    macros = [
        _Macro(MACROS.get(found[1], ""), 1 + depth)
        for found, depth in zip(
            _MACRO.finditer(destination), _macro_depths(destination), strict=True
        )
    ]
    numbers = iter(range(len(macros)))
    signed = _MACRO.sub(lambda _: f"{_SIGN}{next(numbers)}.", destination)
    address = quote(with_click_id(signed, f"{_SIGN}{len(macros)}."), safe=_RESERVED)
    macros.append(_Macro("click_id", 0))
    texts = re.split(rf"{_SIGN}(\d+)\.", address)
    return tuple(macros[int(text)] if at % 2 else text for at, text in enumerate(texts))


@lru_cache(maxsize=1_024)
def _macro_depths(destination: str) -> tuple[int, ...]:
    """Returns for each macro in how many encoded addresses or query strings it is nested."""
    path = destination.partition("?")[0]
    has_referrer = _PLAY_STORE.fullmatch(path) is not None
    depths = []
    for macro in _MACRO.finditer(destination):
        # A sign that no address may contain stands for the macro; decoding leaves it where it is.
        part = _part_with_macro(destination[: macro.start()] + _HERE + destination[macro.end() :])
        # The referrer is a query string, whatever is in it: the click id is added to it.
        is_referrer = has_referrer and part.startswith("referrer=")
        depth = 1 if is_referrer and not _NESTED.search(part) else 0
        # An address that somebody put into a parameter without encoding it is nested as well.
        value = destination[: macro.start()].partition("?")[2].rpartition("&")[2].partition("=")[2]
        depth += value.count("://")
        while depth < _DEPTH_MAX and _NESTED.search(part):
            depth += 1
            part = _part_with_macro(unquote(part))
        depths.append(depth)
    return tuple(depths)


def _part_with_macro(text: str) -> str:
    return next(part for part in _DELIMITERS.split(text) if _HERE in part)


def with_click_id(address: str, click_id: str) -> str:
    """Adds `clkid` to the query and, for the Play Store, to the referrer that installs report."""
    rest, hash_sign, fragment = address.partition("#")
    path, _, query = rest.partition("?")
    parameters = [parameter for parameter in query.split("&") if parameter]
    click_parameter = f"{CLICK_ID_PARAMETER}={click_id}"
    if not any(parameter.startswith(f"{CLICK_ID_PARAMETER}=") for parameter in parameters):
        parameters.append(click_parameter)
    if _PLAY_STORE.fullmatch(path):
        # The referrer is a query string of its own inside one parameter.
        referrers = [each for each in parameters if each.startswith("referrer=")]
        referrer = referrers[0].removeprefix("referrer=") if referrers else ""
        joined = "%26".join(part for part in (referrer, quote(click_parameter, safe="")) if part)
        others = [each for each in parameters if not each.startswith("referrer=")]
        parameters = [*others, f"referrer={joined}"]
    return f"{path}?{'&'.join(parameters)}{hash_sign}{fragment}"
