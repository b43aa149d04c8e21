"""The hosts that links of an app may lead to, and the schemes of apps: a list that people keep.

Whoever creates links leads people who trust the app's name. A scheme that no app of ours has may
open anything on a device, so that each has to be listed; the stores' own are known. Without a host
in the list, links lead to any web address.

The list is read with a lock on it: what was removed from it meanwhile does not count any more, and
what is checked here is in the way of who removes it.
"""

import re
from collections.abc import Iterable, Sequence

from shared.database import Connection, run
from shared.destinations import destination_fault, destination_place
from shared.errors import BadValue, OperatorError

HOSTS_MAX = 100
STORE_SCHEMES = frozenset({"market", "itms-apps", "itms-appss"})
_HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,62}://")
_LINKS = """
    SELECT links.name, links.destination, destination_hosts
    FROM links JOIN apps ON apps.id = app_id
    WHERE {} ORDER BY links.id FOR SHARE OF apps
"""
OF_LINK = _LINKS.format("links.id = %(id)s")
OF_PARTNER = _LINKS.format("partner_id = %(id)s")
OF_APP = _LINKS.format("app_id = %(id)s AND links.archived_at IS NULL")


def split_hosts(text: str) -> list[str]:
    """Splits a list as people type it: by commas, spaces or lines."""
    return [part for part in re.split(r"[,\s]+", text) if part]


def clean_hosts(texts: Iterable[str]) -> list[str]:
    """Returns the entries in one spelling, each once, in order. Raises BadValue."""
    entries = {text.strip().lower() for text in texts if text.strip()}
    if len(entries) > HOSTS_MAX:
        raise BadValue("destination-hosts", f"may have at most {HOSTS_MAX} entries.")
    for entry in entries:
        is_scheme = _SCHEME.fullmatch(entry) and not destination_fault(f"{entry}x")
        if not is_scheme and not _HOST.fullmatch(entry):
            raise BadValue(
                "destination-hosts",
                "must be host names such as shop.example or *.shop.example, and schemes of apps "
                "such as shop://.",
            )
    return sorted(entries)


def place_fault(destination: str, listed: Sequence[str]) -> str | None:
    """Returns why a destination is not allowed, as the end of a sentence; None if it is."""
    scheme, host = destination_place(destination)
    hosts = [entry for entry in listed if "://" not in entry]
    if scheme == "https":
        is_allowed = not hosts or any(
            host == entry or (entry.startswith("*.") and host.endswith(entry[1:]))
            for entry in hosts
        )
        return None if is_allowed else "leads to a host that is not listed in the app's settings."
    if f"{scheme}://" in listed or (scheme in STORE_SCHEMES and not hosts):
        return None
    return f"has the scheme {scheme}://, which is not listed in the app's settings."


def require_listed(connection: Connection, app_id: int, destination: str) -> None:
    """Raises BadValue if links of the app may not lead there; until the transaction ends."""
    statement = "SELECT destination_hosts FROM apps WHERE id = %s FOR SHARE"
    [(listed,)] = run(connection, statement, (app_id,)).fetchall()
    if fault := place_fault(destination, listed):
        raise BadValue("destination", fault)


def require_all_listed(
    connection: Connection, links: str, number: int, listed: Sequence[str] | None = None
) -> None:
    """Raises OperatorError that names the first of these links that may not lead where it does.

    `links` is one of the statements above; `listed` is in place of what the app has.
    """
    for name, destination, stored in run(connection, links, {"id": number}).fetchall():
        if fault := place_fault(destination, stored if listed is None else listed):
            raise OperatorError(f"The destination of the link {name} {fault}")
