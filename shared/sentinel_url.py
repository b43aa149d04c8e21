"""A Redis behind Sentinel, as one address:

    redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT,HOST:PORT/NAME/DATABASE?sentinel_password=…

User, password and `NAME` are those of the Redis that the Sentinels watch; the Sentinels' own, where
they ask for one, stand behind the question mark. `rediss+sentinel://` means TLS to both. A port
that is not named is 26379, a database 0.
"""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("redis+sentinel", "rediss+sentinel")
_PORT = 26_379
_CREDENTIALS = frozenset({"sentinel_username", "sentinel_password"})
_FORM = "must be like redis+sentinel://HOST:26379,HOST:26379,HOST:26379/NAME"


@dataclass(frozen=True, kw_only=True)
class SentinelUrl:
    """`sentinels` are asked in this order who is the primary called `name`."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    database: int = 0
    is_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def is_sentinel_url(url: str) -> bool:
    return url.partition("://")[0] in SCHEMES


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Raises ValueError, as the end of a sentence that does not repeat the address."""
    parts = _split(url)
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    name, database = _path(parts.path)
    return SentinelUrl(
        sentinels=tuple(_host(host) for host in hosts.split(",")),
        name=name,
        database=database,
        is_tls=parts.scheme.startswith("rediss"),
        username=unquote(username) or None,
        password=unquote(password) or None,
        **_credentials(parts),
    )


def _host(text: str) -> tuple[str, int]:
    one = _split(f"//{text}")
    try:
        port = one.port
    except ValueError:
        raise ValueError(_FORM) from None
    if not one.hostname or one.username is not None:
        raise ValueError(_FORM)
    return one.hostname, _PORT if port is None else port


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(_FORM) from None


def _path(path: str) -> tuple[str, int]:
    name, _, database = path.removeprefix("/").partition("/")
    if not name or (database and not database.isdecimal()):
        raise ValueError(_FORM)
    return unquote(name), int(database or 0)


def _credentials(parts: SplitResult) -> dict[str, str]:
    given = parse_qs(parts.query, keep_blank_values=True)
    if not given.keys() <= _CREDENTIALS:
        raise ValueError("may have sentinel_username and sentinel_password behind its ?, no more")
    return {name: values[-1] for name, values in given.items()}
