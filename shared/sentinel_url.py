"""Parses the URL of a Redis behind Sentinel.

    redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT,HOST:PORT/NAME/DATABASE?sentinel_password=…

User, password and `NAME` are those of the Redis that the Sentinels monitor; the Sentinels' own
credentials, if they need any, follow the question mark. `rediss+sentinel://` means TLS to both. The
default port is 26379, the default database 0.
"""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("redis+sentinel", "rediss+sentinel")
_PORT = 26_379
_CREDENTIALS = frozenset({"sentinel_username", "sentinel_password"})
_FORM = "must be like redis+sentinel://HOST:26379,HOST:26379,HOST:26379/NAME"


@dataclass(frozen=True, kw_only=True)
class SentinelUrl:
    """A parsed URL. `sentinels` are queried in this order for the primary called `name`."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    database: int = 0
    is_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def is_sentinel_url(url: str) -> bool:
    """Tells whether a Redis URL is one of Sentinel."""
    return url.partition("://")[0] in SCHEMES


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Parses a URL. Raises ValueError, the end of a sentence that does not repeat the URL."""
    parts = split_url(url, _FORM)
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    name, _, database = parts.path.removeprefix("/").partition("/")
    if not name or (database and not database.isdecimal()):
        raise ValueError(_FORM)
    parameters = parse_qs(parts.query, keep_blank_values=True)
    if not parameters.keys() <= _CREDENTIALS:
        raise ValueError("may have only sentinel_username and sentinel_password after its ?")
    return SentinelUrl(
        sentinels=tuple(host_and_port(host, _PORT, _FORM) for host in hosts.split(",")),
        name=unquote(name),
        database=int(database or 0),
        is_tls=parts.scheme.startswith("rediss"),
        username=unquote(username) or None,
        password=unquote(password) or None,
        **{name: values[-1] for name, values in parameters.items()},
    )


def host_and_port(text: str, default_port: int, form: str) -> tuple[str, int]:
    """Returns one of the hosts of a URL. Raises ValueError that says what the URL must be like."""
    host = split_url(f"//{text}", form)
    try:
        port = host.port
    except ValueError:
        raise ValueError(form) from None
    if not host.hostname or host.username is not None:
        raise ValueError(form)
    return host.hostname, default_port if port is None else port


def split_url(text: str, form: str) -> SplitResult:
    """Splits a URL. Raises ValueError that says what it must be like."""
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(form) from None
