"""Makes the guard of addresses from the settings of an installation."""

from ipaddress import ip_network
from urllib.parse import urlsplit

from shared.callbacks.addresses import AddressGuard
from shared.settings import Settings

_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "redis": 6379,
          "rediss": 6379, "redis+sentinel": 26379, "rediss+sentinel": 26379,
          "redis+cluster": 6379, "rediss+cluster": 6379}  # fmt: skip


def guard_of(settings: Settings) -> AddressGuard:
    """Returns what the settings allow; the addresses of Waybill's own programs are refused."""
    urls = (
        settings.database_url,
        settings.redis_url,
        settings.console_url,
        settings.ingest_url,
    )
    services = {service for url in urls for service in _services(url)}
    return AddressGuard(
        tuple(map(ip_network, _parts(settings.callback_networks))),
        frozenset(map(int, _parts(settings.callback_ports))),
        frozenset(services),
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _services(url: str) -> list[tuple[str, int]]:
    """Returns the hosts and ports of a URL, which may name several."""
    scheme = url.partition("://")[0]
    authority = urlsplit(url).netloc.rpartition("@")[2]
    services = []
    for place in authority.split(","):
        host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
        number = int(port) if port.isdecimal() else _PORTS.get(scheme, 0)
        name = host.strip("[]").lower()
        services += [(name, number), *((loop, number) for loop in _LOOPBACK.get(name, ()))]
    return services


# A name and the addresses that it always stands for.
_LOOPBACK = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("localhost", "::1")}
