"""Appends the callback parameters of an event to a URL, under their own names, as Adjust does."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

PARAMETER = "callback_params"  # of the event: a JSON object
PARAMETERS_MAX = 64
CHARACTERS_MAX = 1_024  # of a name and of a value; longer ones are left out
URL_CHARACTERS_MAX = 8_192  # with them; what does not fit is left out

_decode = msgspec.json.Decoder(dict[str, object]).decode


def with_callback_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Returns a URL that is filled in with the callback parameters of its event behind it.

    A name that the URL has already stays what it is there: on its way to the event a device may
    have written anything.
    """
    document = parameters.get(PARAMETER)
    if not document:
        return url
    try:
        sent = _decode(document)
    except (msgspec.MsgspecError, RecursionError):  # the latter: a thousand deep
        return url
    known = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    mark = "&" if "?" in url else "?"
    for name, value in list(sent.items())[:PARAMETERS_MAX]:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if name.lower() in known or max(len(name), len(text)) > CHARACTERS_MAX:
            continue
        added = f"{mark}{_quoted(name)}={_quoted(text)}"
        if len(url) + len(added) <= URL_CHARACTERS_MAX:
            url, mark = url + added, "&"
    return url


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
