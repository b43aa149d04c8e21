"""Masks what may be a secret in a URL, for the log and for pages."""

import re
from urllib.parse import unquote, urlsplit

MASK = "***"
_SECRET_NAME = re.compile(
    r"(?i)(token|secret|key|passw|pwd|auth|sign|signature|sig|hash|credential|access|security"
    r"|bearer|jwt|otp|pass$|passphrase|sessid|session_id)"
)

_SEPARATOR = re.compile(r"([&;])")  # some servers take the second as well
_SECRET_SEGMENT = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{20,}")


def masked_url(url: str) -> str:
    """Returns the URL with the values of parameters masked whose names sound like secrets.

    A long path segment of letters and digits, as webhook services use for secrets, is cut too.
    """
    head, question, query = url.partition("?")
    parts = urlsplit(head)
    segments = (MASK if _SECRET_SEGMENT.fullmatch(segment) else segment
                for segment in parts.path.split("/"))  # fmt: skip
    parameters = map(_masked_parameter, _SEPARATOR.split(query))
    path = "/".join(segments)
    return f"{parts.scheme}://{parts.netloc}{path}{question}{''.join(parameters)}"


def _masked_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals or not value or value.startswith(("{", "#{")):
        return parameter
    name_read = unquote(name)
    is_secret = _SECRET_NAME.search(name_read) and name.lower() not in {"event_token", "app_token"}
    return f"{name}={MASK}" if is_secret else parameter
