"""Who is at the other end of a click: the address and the browser that the connection shows.

Behind proxies of one's own the connection shows the nearest of them. Each adds whom it serves to
the right of X-Forwarded-For, so that many entries from the right are true; what stands further to
the left anybody can write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

# In which browsers say that nobody has clicked yet: they load what may be clicked next.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PREFETCH = ("prefetch", "prerender", "preview")
_LIST_CHARACTERS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """None where the connection does not say."""

    address: str | None = None
    user_agent: str | None = None


NOBODY = ClientInfo()


def client_address(peer: str | None, forwarded_for: str | None, hops: int) -> str | None:
    """The visitor's IP address, behind `hops` trusted proxies.

    None if it is not known: a request that passed fewer proxies did not come the trusted way.
    """
    if hops == 0:
        return _address(peer)
    entries = (forwarded_for or "")[-_LIST_CHARACTERS_MAX:].split(",")
    return _address(entries[-hops]) if len(entries) >= hops else None


def is_prefetch(purposes: Iterable[str | None]) -> bool:
    return any(
        purpose is not None and purpose.strip().lower().startswith(_PREFETCH)
        for purpose in purposes
    )


def _address(text: str | None) -> str | None:
    # A zone, as in fe80::1%eth0, has a meaning on its own host only, and no place in an inet.
    bare = (text or "").strip().partition("%")[0]
    for candidate in (bare, _without_port(bare)):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return None


def _without_port(text: str) -> str:
    """Of 192.0.2.1:443 and [2001:db8::1]:443, which some proxies write."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
