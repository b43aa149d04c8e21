"""Truncates IP addresses: of IPv4 the last byte goes, of IPv6 all but the first 48 bits.

What is left leads to a network, which many people share, and not to a line. 48 bits are what a
provider gives to one site at most (RFC 6177), so that anything longer may still be one household.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from shared.events import Event

_IPV4_KEPT = 0xFFFFFF00
_IPV6_KEPT = ((1 << 48) - 1) << 80
_IPV4_IN_TEXT = re.compile(r"(?<![\d.])((?:\d{1,3}\.){3})\d{1,3}(?![\d.])")
_COLONS = re.compile(r"[0-9a-fA-F:.]{2,45}")  # IPv6 in whatever form, times, and more


# A drain and a batch have few addresses each, and parsing one takes 3 us.
@lru_cache(maxsize=16_384)
def truncated_address(text: str) -> str:
    """Returns the network of an address, written as an address; "" for what is no address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Address(int(address) & _IPV6_KEPT))
        address = address.ipv4_mapped
    return str(IPv4Address(int(address) & _IPV4_KEPT))


def as_stored(event: Event, truncating_apps: Collection[int]) -> Event:
    """Returns the event as its app stores it: with a truncated address if the app wants that."""
    if event.ip_address is None or event.app_id not in truncating_apps:
        return event
    return msgspec.structs.replace(event, ip_address=truncated_address(event.ip_address) or None)


def truncate_in_text(text: str) -> str:
    """Truncates the addresses that a text contains, for logs that outlive a request."""
    if text.count(":") >= 2:
        text = _COLONS.sub(lambda match: _truncated_match(match[0]), text)
    return _IPV4_IN_TEXT.sub(r"\g<1>0", text) if text.count(".") >= 3 else text


def _truncated_match(text: str) -> str:
    return (truncated_address(text) or text) if ":" in text else text
