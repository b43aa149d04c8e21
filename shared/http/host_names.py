"""Checks the name by which a browser reached a page that is not for everybody.

A page on the internet can let its own name lead to an address of a private network, and then read
whatever answers there without authentication (DNS rebinding). The browser still sends that page's
name as `Host`, so a name that nobody on the internet can own, or that the operator has named, is
served, and any other is not.
"""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import falcon

# Reserved for private use (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal) and by Kubernetes.
PRIVATE_ENDINGS = (
    *(".localhost", ".local", ".internal", ".home.arpa", ".test", ".svc"),
    *(".lan", ".intranet", ".corp", ".home"),
)

MISDIRECTED = 421  # RFC 9110: the server does not answer for this name
REFUSAL = (
    "This host name is not served here. Name it in WAYBILL_HOSTS, or use the address of "
    "WAYBILL_CONSOLE_URL.\n"
)

NameCheck = Callable[[str], bool]


def name_check(named: str, public_address: str = "") -> NameCheck:
    """Returns a function that tells whether a host name is served, or no name at all.

    A request without a name is of HTTP/1.0, which no browser sends. `named` is the operator's list,
    separated by commas; `public_address` the program's own URL.
    """
    listed = {bare_name(name) for name in named.split(",") if name.strip()}
    if own := urlsplit(public_address).hostname:
        listed.add(own)
    return lambda name: not name or name in listed or is_private(name)


def is_private(name: str) -> bool:
    """Tells whether nobody can register a name in public: an address, or a name without a dot."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return "." not in name or name.endswith(PRIVATE_ENDINGS)
    return True


class KnownHosts:
    """Falcon middleware that refuses every request to a host name that is not served."""

    def __init__(self, is_known: NameCheck) -> None:
        self._is_known = is_known

    def process_request(self, request: falcon.Request, response: falcon.Response) -> None:
        if not self._is_known(bare_name(request.get_header("Host") or "")):
            response.status = MISDIRECTED
            response.content_type = falcon.MEDIA_TEXT
            response.text = REFUSAL
            response.complete = True


def bare_name(name: str) -> str:
    """Returns the value of `Host` in lower case, without its port and without a dot at its end."""
    host = name.strip().lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.partition("]")[0].removeprefix("[").rstrip(".")
