"""Parses the URL of a Redis or Valkey Cluster, one of whose slots a shard has.

    redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT,HOST:PORT

The hosts are nodes of the cluster, each of which knows who has a slot. User and password are the
same on all nodes. `rediss+cluster://` means TLS. The default port is 6379.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote

from shared.sentinel_url import host_and_port, split_url

SCHEMES = ("redis+cluster", "rediss+cluster")
_PORT = 6_379
_FORM = "must be like redis+cluster://HOST:6379,HOST:6379,HOST:6379"


@dataclass(frozen=True, kw_only=True)
class ClusterUrl:
    """A parsed URL. `nodes` are asked in this order who has the slot of a shard."""

    nodes: tuple[tuple[str, int], ...]
    is_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def is_cluster_url(url: str) -> bool:
    """Tells whether a Redis URL is one of a cluster."""
    return url.partition("://")[0] in SCHEMES


def parse_cluster_url(url: str) -> ClusterUrl:
    """Parses a URL. Raises ValueError, the end of a sentence that does not repeat the URL."""
    parts = split_url(url, _FORM)
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    if parts.path not in {"", "/", "/0"}:
        raise ValueError("must name no database: a cluster has database 0 alone")
    if parts.query or parts.fragment:
        raise ValueError(_FORM)
    return ClusterUrl(
        nodes=tuple(host_and_port(host, _PORT, _FORM) for host in hosts.split(",")),
        is_tls=parts.scheme.startswith("rediss"),
        username=unquote(username) or None,
        password=unquote(password) or None,
    )
