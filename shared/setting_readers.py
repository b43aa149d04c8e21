"""Reads the text of settings into values, for the declarations of `shared.settings`.

Every reader raises ValueError, whose message is the end of a sentence after the setting's name.
"""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from shared import sentinel_url
from shared.shards import cluster_url

SECRET_KEY_BYTES_MIN = 32

_MAIL_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,253}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def url(*schemes: str) -> Callable[[str], str]:
    """Returns a reader of a URL with one of these schemes."""

    def read(value: str) -> str:
        address = value.strip()
        if address.partition("://")[0] not in schemes:
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in schemes)}")
        return address

    return read


def redis_url(value: str) -> str:
    """Reads a Redis URL, also of a Redis behind Sentinel or of a cluster."""
    address = url("redis", "rediss", "unix", *sentinel_url.SCHEMES, *cluster_url.SCHEMES)(value)
    if sentinel_url.is_sentinel_url(address):
        sentinel_url.parse_sentinel_url(address)
    if cluster_url.is_cluster_url(address):
        cluster_url.parse_cluster_url(address)
    return address


def count(value: str) -> int:
    """Reads a whole number above 0."""
    if not value.isdecimal() or int(value) < 1:
        raise ValueError("must be a whole number above 0")
    return int(value)


def between(smallest: int, largest: int) -> Callable[[str], int]:
    """Returns a reader of a whole number in a range."""

    def read(value: str) -> int:
        if not value.isdecimal() or not smallest <= int(value) <= largest:
            raise ValueError(f"must be a whole number from {smallest} to {largest}")
        return int(value)

    return read


def public_address(value: str) -> str:
    """Reads the public HTTP address of a program, without a slash at its end."""
    address = value.strip().rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://console.example.com")
    return address


def host_names(value: str) -> str:
    """Reads host names, separated by commas, and returns them as they are."""
    for part in value.split(","):
        if part.strip() and not _HOST_NAME.fullmatch(part.strip()):
            raise ValueError("must be host names such as waybill.example.com, separated by commas")
    return value


def absolute_path(value: str) -> str:
    """Reads a path from the root, since programs run in folders of their own."""
    path = value.strip()
    if path and not Path(path).is_absolute():
        raise ValueError("must be an absolute path, such as /var/lib/waybill/countries.mmdb")
    return path


def path_or_address(value: str) -> str:
    """Returns the path of a file, or an http or https address, or "" if it is empty."""
    if value.startswith(("http://", "https://")):
        return url("http", "https")(value)
    return absolute_path(value)


def networks(value: str) -> str:
    """Reads IP networks, separated by commas, and returns them as they are."""
    try:
        for part in value.split(","):
            if part.strip():
                ip_network(part.strip())
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16, separated by commas") from None
    return value


def ports(value: str) -> str:
    """Reads port numbers, separated by commas, and returns them as they are."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isdecimal() and 0 < int(part) < 65_536 for part in parts):
        raise ValueError("must be port numbers such as 8443, separated by commas")
    return value


def smtp_url(value: str) -> str:
    """Reads the URL of a mail server, or nothing."""
    address = value.strip()
    if not address:
        return ""
    parts = urlsplit(url("smtp", "smtps")(address))
    try:
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        is_complete = False
    if not is_complete or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be like smtps://USER:PASSWORD@mail.example.com or smtp://HOST:PORT")
    return address


def mail_address(value: str) -> str:
    """Reads one address of mail, or nothing."""
    address = value.strip()
    if address and not _MAIL_ADDRESS.fullmatch(address):
        raise ValueError("must be an address such as waybill@example.com")
    return address


def one_of(*words: str) -> Callable[[str], str]:
    """Returns a reader of one of these words."""

    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return value

    return read


def secret_key(value: str) -> bytes:
    """Reads the installation key."""
    key = value.strip().encode()
    if len(key) < SECRET_KEY_BYTES_MIN:
        raise ValueError(f"must be at least {SECRET_KEY_BYTES_MIN} characters of random text")
    return key


def optional_secret_key(value: str) -> str:
    """Reads the installation key before the present one, or "" if there is none."""
    return secret_key(value).decode() if value.strip() else ""
