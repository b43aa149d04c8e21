"""Validates and converts one field, each with its own rule and a message that names it.

The readers serve everything that comes from outside, by HTTP or in an imported file. Whatever they
accept can be stored (a property test proves it). Limits are those of section 6 of the design; the
currencies of ISO 4217 come from pycountry.

Every reader takes the field's name and its text, and raises MalformedField.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, inet_pton
from urllib.parse import unquote, unquote_plus

import pycountry

from shared.device_ids import as_user_id
from shared.errors import MalformedField
from shared.names.invisible import trimmed
from shared.names.reserved_names import is_reserved

ID_CHARACTERS_MAX = 256
USER_AGENT_CHARACTERS_MAX = 2_048
EVENT_VALUE_BYTES_MAX = 16_384
AMOUNT_MAX = Decimal(10) ** 11
AMOUNT_PLACES = 6
AMOUNT_CHARACTERS_MAX = 40
EXACT_DIGITS_MAX = 30
COUNT_MAX = 2**31 - 1
LISTED_ADDRESSES_CHARACTERS_MAX = 4_096
DECODINGS_MAX = 3  # of a user agent or an address
EVENT_AGE_DAYS_MAX = 58
EVENT_AHEAD_DAYS_MAX = 1
EVENT_AGE_MS_MAX = EVENT_AGE_DAYS_MAX * 86_400_000
IMPORTED_YEAR_MIN = 2000

# Withdrawn, and with rates of the ECB, by which reports convert what was earned in them; a unit
# test compares. Of other withdrawn currencies no amount could be converted.
WITHDRAWN_CURRENCIES = frozenset(
    ("BGN", "CYP", "EEK", "HRK", "LTL", "LVL", "MTL", "ROL", "SIT", "SKK", "TRL")
)

Reader = Callable[[str, str], str]

_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IMPORTED_MS_MIN = (datetime(IMPORTED_YEAR_MIN, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(
    milliseconds=1
)
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
# Well within the range and the decimal places, and in the form that Decimal writes.
_STORED_AS_SENT = re.compile(r"(0|[1-9]\d{0,9})(\.\d{1,6})?", re.ASCII)
_EXACT_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"\d{1,10}", re.ASCII)
_PLACES = Decimal(1).scaleb(-AMOUNT_PLACES)
_UNIX = re.compile(r"\d{1,19}(\.\d{1,9})?", re.ASCII)
_UNIX_MS_BELOW = 10**14  # the year 5138, which as microseconds is 1973; so for each other unit
_SPACE_FOR_PLUS = re.compile(r" (?=\d{2}:?\d{2}$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# An element of RFC 7239's list.
_FORWARDED = re.compile(r"(?:.*;)?\s*for\s*=([^;]*)(?:;.*)?", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d*)?")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}|\+\(")
# Behind a router, a carrier's NAT or a load balancer: RFC 1918, 1122, 3927, 4193, 4291 and 6598.
_INNER = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
        *("169.254.0.0/16", "::1/128", "fe80::/10", "fc00::/7"),
    )
)
# Codes of ISO 4217 that no money has: for tests, and for transactions without a currency.
_NO_MONEY = frozenset({"XTS", "XXX"})


def identifier(name: str, value: str) -> str:
    """Reads an id: text that is not blank and has no control characters.

    White space and invisible characters around it are no part of it, here as in the console and in
    commands.
    """
    text = value.strip()
    if not text.isascii():
        text = trimmed(text)
    if text and text.isprintable() and len(text) <= ID_CHARACTERS_MAX:
        return text  # no control character is printable; the pattern below takes 5 times as long
    if not text:
        raise MalformedField(name, "must not be blank.")
    if len(text) > ID_CHARACTERS_MAX:
        raise MalformedField(name, f"is longer than {ID_CHARACTERS_MAX} characters.")
    if _CONTROL.search(text):
        raise MalformedField(name, "contains control characters. Remove them.")
    return text


def source_name(name: str, value: str) -> str:
    """Reads the name of a source, which must not be one that reports use themselves."""
    if is_reserved(value):
        rule = "is a name that reports use themselves. Send the source's own name."
        raise MalformedField(name, rule)
    return value


def user_id(name: str, value: str) -> str:
    """Reads a user id, or the click id that may stand for one, into its canonical form."""
    return as_user_id(identifier(name, value))


def amount(name: str, value: str) -> str:
    """Reads a decimal number; beyond six decimal places it is rounded half-even."""
    text = trimmed(value)
    if _STORED_AS_SENT.fullmatch(text):
        return text
    if len(text) > AMOUNT_CHARACTERS_MAX or not _AMOUNT.fullmatch(text):
        raise MalformedField(name, "must be a decimal number with a point, like 12.50.")
    return _stored(name, Decimal(text))


def exact_amount(name: str, value: str) -> str:
    """Reads an amount like `amount`, but with up to 30 digits and an exponent, as Adjust allows."""
    text = trimmed(value)
    digits = sum(map(str.isdigit, text.lower().partition("e")[0]))
    if digits > EXACT_DIGITS_MAX or not _EXACT_AMOUNT.fullmatch(text):
        raise MalformedField(name, "must be a decimal number with a point, like 12.50.")
    return _stored(name, Decimal(text))


def is_as_sent(stored: str, value: str) -> bool:
    """Tells whether an amount was stored without being rounded."""
    return Decimal(stored) == Decimal(trimmed(value))


def is_less(amount: str, other: str) -> bool:
    """Tells whether the first of two amounts is the smaller one."""
    return Decimal(amount) < Decimal(other)


def count(name: str, value: str) -> int:
    """Reads a whole number from 0."""
    text = trimmed(value)
    if not _COUNT.fullmatch(text) or int(text) > COUNT_MAX:
        raise MalformedField(name, f"must be a whole number from 0 to {COUNT_MAX}.")
    return int(text)


def has_more_places(text: str) -> bool:
    """Tells whether an amount has more decimal places than are stored."""
    return len(trimmed(text).partition(".")[2]) > AMOUNT_PLACES


def currency(name: str, value: str) -> str:
    """Reads a currency code of ISO 4217, in any case, also of a currency that was withdrawn."""
    code = trimmed(value).upper()
    if code not in _currencies():
        raise MalformedField(name, "must be an ISO 4217 currency code, like USD.")
    return code


def address(name: str, value: str) -> str:
    """Reads an IP address into its shortest form, without the brackets around IPv6.

    A port behind it is left out. Of a list, as proxies forward it, the first address that can be
    reached from elsewhere is the client's; else the first. It may have been encoded once or twice
    more.
    """
    text = trimmed(value).removeprefix("[").removesuffix("]")
    try:
        inet_pton(AF_INET, text)  # in C: ip_address, which gives the same result, took 3 us
    except (OSError, ValueError):
        text = value[:LISTED_ADDRESSES_CHARACTERS_MAX]
        for _ in range(DECODINGS_MAX if "%" in text else 0):
            text = unquote(text)
        listed = text.split(",")
    else:
        return text
    found = [parsed for each in listed if (parsed := _parsed_address(each)) is not None]
    if not found:
        raise MalformedField(
            name, "must be an IPv4 or IPv6 address. Leave it out if it is unknown."
        )
    # An address is in no network of the other version.
    outer = (parsed for parsed in found if not any(parsed in network for network in _INNER))
    return str(next(outer, found[0]))


def _parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    forwarded = _FORWARDED.fullmatch(text)
    bare = trimmed(forwarded[1] if forwarded else text).strip("\"'")
    # One address as a network of one, as PostgreSQL prints an inet.
    bare = bare.removesuffix("/128" if ":" in bare else "/32")
    bracketed = _BRACKETED.fullmatch(bare)
    host = bare.partition(":")[0] if bare.count(":") == 1 else bare
    host = bracketed[1] if bracketed else host
    if "%" in host:  # a zone has a meaning only on its own host, and no place in an inet
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None


def user_agent(name: str, value: str) -> str:
    """Reads a user agent of limited length, decoded if it was encoded once or twice more."""
    if len(value) > USER_AGENT_CHARACTERS_MAX:
        raise MalformedField(name, f"is longer than {USER_AGENT_CHARACTERS_MAX} characters.")
    # The agents of browsers and HTTP clients have spaces, unless they are single words.
    if " " in value or not _ENCODED.search(value):
        return value
    text = value
    for _ in range(DECODINGS_MAX):
        decode = unquote if " " in text or "%20" in text else unquote_plus
        try:
            decoded = decode(text, errors="strict")
        except UnicodeDecodeError:
            return value
        if decoded == text:
            break
        text = decoded
    return value if _CONTROL.search(text) else text


def event_value(name: str, value: str) -> str:
    """Reads free text of limited size."""
    if len(value.encode()) > EVENT_VALUE_BYTES_MAX:
        raise MalformedField(name, f"is longer than {EVENT_VALUE_BYTES_MAX} bytes.")
    return value


def event_time(name: str, value: str, now_ms: int) -> int:
    """Reads ISO 8601 (no offset means UTC) or Unix time in any unit as Unix milliseconds."""
    happened_ms = _not_ahead(name, time_ms(name, value), now_ms)
    if happened_ms < now_ms - EVENT_AGE_MS_MAX:
        raise MalformedField(name, f"is older than {EVENT_AGE_DAYS_MAX} days.")
    return happened_ms


def imported_time(name: str, value: str, now_ms: int) -> int:
    """Reads a time like `event_time`, of any age: data of another system may be years old."""
    happened_ms = _not_ahead(name, time_ms(name, value), now_ms)
    if happened_ms < _IMPORTED_MS_MIN:
        raise MalformedField(name, f"is before the year {IMPORTED_YEAR_MIN}.")
    return happened_ms


def iso_time(time_ms: int) -> str:
    """Formats Unix milliseconds as ISO 8601 in UTC, `2026-01-02T03:04:05.678Z`."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_iso_seconds(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=64)
def _iso_seconds(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00")


def _stored(name: str, number: Decimal) -> str:
    if not -AMOUNT_MAX <= number <= AMOUNT_MAX:  # abs() would round to 28 digits first
        raise MalformedField(name, "must lie between -100000000000 and 100000000000.")
    _, _, exponent = number.as_tuple()
    if isinstance(exponent, int) and exponent < -AMOUNT_PLACES:
        number = number.quantize(_PLACES, ROUND_HALF_EVEN)
    return f"{number:f}"


def _not_ahead(name: str, time_ms: int, now_ms: int) -> int:
    if time_ms > now_ms + EVENT_AHEAD_DAYS_MAX * _DAY_MS:
        raise MalformedField(name, f"is more than {EVENT_AHEAD_DAYS_MAX} day in the future.")
    return time_ms


def time_ms(name: str, value: str) -> int:
    """Reads a time in any of these forms, of any age, as Unix milliseconds."""
    text = trimmed(value)
    if _UNIX.fullmatch(text):
        number = int(Decimal(text) * 1000)
        while number >= _UNIX_MS_BELOW:  # milliseconds, microseconds or nanoseconds were sent
            number //= 1000
        return number
    # An unescaped plus arrives as a space: "…T10:00:00 02:00" can only mean "+02:00".
    try:
        moment = datetime.fromisoformat(_SPACE_FOR_PLUS.sub("+", text) if "T" in text else text)
        if len(text) < len("20260102T0304"):
            raise ValueError
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise MalformedField(
            name, "must be ISO 8601, Unix seconds or Unix milliseconds."
        ) from error


@cache
def _currencies() -> frozenset[str]:
    current = {currency.alpha_3 for currency in pycountry.currencies}
    return frozenset(current | WITHDRAWN_CURRENCIES) - _NO_MONEY
