"""Masks what may be a secret in a URL, for the log and for pages."""

import re
from urllib.parse import urlsplit

MASK = "***"
_SECRET_NAME = re.compile(
    r"(?i)(token|secret|key|passw|pwd|auth|sign|signature|sig|hash|credential|access|security)"
)


def masked_url(url: str) -> str:
    """Returns the URL with the values of parameters masked whose names sound like secrets.

    A long path segment of letters and digits, as webhook services use for secrets, is cut too.
    """
    head, question, query = url.partition("?")
    parameters = [_masked_parameter(parameter) for parameter in query.split("&")]
    return _masked_path(head) + question + "&".join(parameters)


def _masked_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    is_macro = value.startswith(("{", "#{"))
    return f"{name}={MASK}" if equals and value and not is_macro and _is_secret(name) else parameter


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and name.lower() not in {"event_token", "app_token"}


def _masked_path(head: str) -> str:
    parts = urlsplit(head)
    segments = parts.path.split("/")
    masked = "/".join(MASK if _SECRET_SEGMENT.fullmatch(segment) else segment
                      for segment in segments)  # fmt: skip
    return f"{parts.scheme}://{parts.netloc}{masked}"


_SECRET_SEGMENT = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{20,}")
