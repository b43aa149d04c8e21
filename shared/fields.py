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
from functools import cache
from ipaddress import ip_address
from socket import AF_INET, inet_pton

import pycountry

from shared.device_ids import as_user_id
from shared.errors import MalformedField

ID_CHARACTERS_MAX = 256
USER_AGENT_CHARACTERS_MAX = 2_048
EVENT_VALUE_BYTES_MAX = 16_384
AMOUNT_MAX = Decimal(10) ** 11
AMOUNT_PLACES = 6
AMOUNT_CHARACTERS_MAX = 40
EXACT_DIGITS_MAX = 30
COUNT_MAX = 2**31 - 1
EVENT_AGE_DAYS_MAX = 58
EVENT_AHEAD_DAYS_MAX = 1
IMPORTED_YEAR_MIN = 2000

Reader = Callable[[str, str], str]

_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_IMPORTED_MS_MIN = (datetime(IMPORTED_YEAR_MIN, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(
    milliseconds=1
)
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
# Well within the range and the decimal places, and in the form that Decimal writes.
_STORED_AS_SENT = re.compile(r"(0|[1-9]\d{0,9})(\.\d{1,6})?", re.ASCII)
_EXACT_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"\d{1,10}", re.ASCII)
_PLACES = Decimal(1).scaleb(-AMOUNT_PLACES)
_UNIX_DIGITS_MAX = 14
_UNIX = re.compile(r"\d{1,14}(\.\d{1,9})?", re.ASCII)
_UNIX_SECONDS_BELOW = 10**11  # as seconds the year 5138, as milliseconds 1973
_SPACE_FOR_PLUS = re.compile(r" (?=\d{2}:?\d{2}$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def identifier(name: str, value: str) -> str:
    """Reads an id: text that is not blank and has no control characters."""
    if value.isprintable() and len(value) <= ID_CHARACTERS_MAX and value.strip():
        return value  # no control character is printable; the pattern below takes 5 times as long
    if not value.strip():
        raise MalformedField(name, "must not be blank.")
    if len(value) > ID_CHARACTERS_MAX:
        raise MalformedField(name, f"is longer than {ID_CHARACTERS_MAX} characters.")
    if _CONTROL.search(value):
        raise MalformedField(name, "contains control characters. Remove them.")
    return value


def user_id(name: str, value: str) -> str:
    """Reads a user id into its canonical form, the same for every dialect."""
    return as_user_id(identifier(name, value))


def amount(name: str, value: str) -> str:
    """Reads a decimal number; beyond six decimal places it is rounded half-even."""
    text = value.strip()
    if _STORED_AS_SENT.fullmatch(text):
        return text
    if len(text) > AMOUNT_CHARACTERS_MAX or not _AMOUNT.fullmatch(text):
        raise MalformedField(name, "must be a decimal number with a point, like 12.50.")
    return _stored(name, Decimal(text))


def exact_amount(name: str, value: str) -> str:
    """Reads an amount like `amount`, but with up to 30 digits and an exponent, as Adjust allows."""
    text = value.strip()
    digits = sum(map(str.isdigit, text.lower().partition("e")[0]))
    if digits > EXACT_DIGITS_MAX or not _EXACT_AMOUNT.fullmatch(text):
        raise MalformedField(name, "must be a decimal number with a point, like 12.50.")
    return _stored(name, Decimal(text))


def is_as_sent(stored: str, value: str) -> bool:
    """Tells whether an amount was stored without being rounded."""
    return Decimal(stored) == Decimal(value.strip())


def is_less(amount: str, other: str) -> bool:
    """Tells whether the first of two amounts is the smaller one."""
    return Decimal(amount) < Decimal(other)


def count(name: str, value: str) -> int:
    """Reads a whole number from 0."""
    text = value.strip()
    if not _COUNT.fullmatch(text) or int(text) > COUNT_MAX:
        raise MalformedField(name, f"must be a whole number from 0 to {COUNT_MAX}.")
    return int(text)


def has_more_places(text: str) -> bool:
    """Tells whether an amount has more decimal places than are stored."""
    return len(text.strip().partition(".")[2]) > AMOUNT_PLACES


def currency(name: str, value: str) -> str:
    """Reads a currency code of ISO 4217, in any case."""
    code = value.strip().upper()
    if code not in _currencies():
        raise MalformedField(name, "must be an ISO 4217 currency code, like USD.")
    return code


def address(name: str, value: str) -> str:
    """Reads an IP address into its shortest form, without the brackets around IPv6."""
    text = value.strip().removeprefix("[").removesuffix("]")
    try:
        inet_pton(AF_INET, text)  # in C: ip_address, which gives the same result, took 3 us
    except (OSError, ValueError):
        return _address_v6(name, text)
    return text


def _address_v6(name: str, text: str) -> str:
    try:
        if "%" in text:  # a zone has a meaning only on its own host, and no place in an inet
            raise ValueError
        return str(ip_address(text))
    except ValueError as error:
        raise MalformedField(
            name, "must be an IPv4 or IPv6 address. Leave it out if it is unknown."
        ) from error


def user_agent(name: str, value: str) -> str:
    """Reads a user agent of limited length."""
    if len(value) > USER_AGENT_CHARACTERS_MAX:
        raise MalformedField(name, f"is longer than {USER_AGENT_CHARACTERS_MAX} characters.")
    return value


def event_value(name: str, value: str) -> str:
    """Reads free text of limited size."""
    if len(value.encode()) > EVENT_VALUE_BYTES_MAX:
        raise MalformedField(name, f"is longer than {EVENT_VALUE_BYTES_MAX} bytes.")
    return value


def event_time(name: str, value: str, now_ms: int) -> int:
    """Reads ISO 8601 (no offset means UTC), Unix seconds or milliseconds as Unix milliseconds."""
    time_ms = _not_ahead(name, _time_ms(name, value), now_ms)
    if time_ms < now_ms - EVENT_AGE_DAYS_MAX * _DAY_MS:
        raise MalformedField(name, f"is older than {EVENT_AGE_DAYS_MAX} days.")
    return time_ms


def imported_time(name: str, value: str, now_ms: int) -> int:
    """Reads a time like `event_time`, of any age: data of another system may be years old."""
    time_ms = _not_ahead(name, _time_ms(name, value), now_ms)
    if time_ms < _IMPORTED_MS_MIN:
        raise MalformedField(name, f"is before the year {IMPORTED_YEAR_MIN}.")
    return time_ms


def iso_time(time_ms: int) -> str:
    """Formats Unix milliseconds as ISO 8601 in UTC, `2026-01-02T03:04:05.678Z`."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


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


def _time_ms(name: str, value: str) -> int:
    text = value.strip()
    if text.isdigit() and text.isascii() and len(text) <= _UNIX_DIGITS_MAX:
        whole = int(text)
        return whole * 1000 if whole < _UNIX_SECONDS_BELOW else whole
    if "T" in text or not _UNIX.fullmatch(text):
        return _iso_ms(name, text)
    number = Decimal(text)
    return int(number * 1000 if number < _UNIX_SECONDS_BELOW else number)


def _iso_ms(name: str, text: str) -> int:
    # An unescaped plus arrives as a space: "…T10:00:00 02:00" can only mean "+02:00".
    try:
        if " " in text and "T" in text:
            text = _SPACE_FOR_PLUS.sub("+", text)
        moment = datetime.fromisoformat(text)
        if len(text) < len("20260102T0304"):
            raise ValueError
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise MalformedField(
            name, "must be ISO 8601, Unix seconds or Unix milliseconds."
        ) from error


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)
