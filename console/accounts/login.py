"""Signs people in with a password and limits the number of attempts.

A limit counts only attempts of the one whom it refuses: of the browser, if the person has signed in
with it before, otherwise of the network, for this name and for all names. There is no limit for a
name from everywhere, because anybody could use it to lock somebody out. What remains to a guesser
with a thousand networks is 768,000 attempts a day at a password that withstands ten billion.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from console.accounts.attempts import (
    AttemptLimit,
    attempt_limit,
    count_attempt,
    forgive_attempt,
)
from console.accounts.known_browsers import is_known
from console.accounts.passwords import PasswordCheck, is_password
from console.accounts.people import Person, authenticate
from console.accounts.second_factor import WrongCode, prove_factor
from shared.database import Connection
from shared.errors import WaybillError

NAME_FROM_NETWORK_MAX = 8
NETWORK_MAX = 40
SITE_MAX = 400  # of an IPv6 /48: its 65,536 networks are one customer's, or some hundred households
BROWSER_MAX = 8
CURRENT_PASSWORD_MAX = 8
CODE_MAX = 5  # three of a million codes are valid: one in 700 guessers succeeds within a day
_IPV6_PREFIX_BITS = 64  # what one household or server gets; its addresses cost nothing
_IPV6_SITE_BITS = 48  # what one customer gets who asks for it


class WrongPassword(WaybillError):
    """The same answer for an unknown name, a wrong password and a deactivated account."""

    code = "wrong_password"
    status = 403

    def __init__(self) -> None:
        super().__init__("The name or password is incorrect.")


@dataclass(frozen=True)
class LoginAttempt:
    """A name and a password as typed, the address they came from, and the mark of the browser."""

    name: str
    password: str = field(repr=False)
    address: str
    browser: str = ""


def sign_in(
    connection: Connection,
    secret_key: bytes,
    attempt: LoginAttempt,
    check: PasswordCheck = is_password,
) -> Person:
    """Returns the person with this name and password.

    Raises WrongPassword or TooManyAttempts.
    """
    name = attempt.name.strip()
    if is_known(secret_key, name.lower(), attempt.browser):
        limits = [attempt_limit(secret_key, f"browser {attempt.browser}", BROWSER_MAX)]
    else:  # always in one order, so that no attempt waits for another
        named = f"name {name.lower()} from {network_of(attempt.address)}"
        limits = [
            *origin_limits(secret_key, "network", attempt.address),
            attempt_limit(secret_key, named, NAME_FROM_NETWORK_MAX),
        ]
    count_attempt(connection, limits)
    person = authenticate(connection, name, attempt.password, check)
    if person is None:
        raise WrongPassword
    forgive_attempt(connection, limits)
    return person


def confirm_password(
    connection: Connection, secret_key: bytes, person: Person, password: str, session: str
) -> bool:
    """Tells whether the password is that of a person who is signed in with this session.

    The attempts of each session are counted apart. Raises TooManyAttempts.
    """
    text = f"current password of {person.id} in session {session}"
    limits = [attempt_limit(secret_key, text, CURRENT_PASSWORD_MAX)]
    count_attempt(connection, limits)
    if authenticate(connection, person.name, password) is None:
        return False
    forgive_attempt(connection, limits)
    return True


def confirm_code(
    connection: Connection, secret_key: bytes, person: Person, code: str, browser: str, now_ms: int
) -> None:
    """Requires a code of the second step of a person who has shown their password.

    Attempts are counted for the person from everywhere, as whoever makes them knows the password;
    only those of a browser in which the person has signed in before are counted apart. Raises
    WrongCode or TooManyAttempts.
    """
    is_own = is_known(secret_key, person.name.lower(), browser)
    text = f"code of {person.id} in browser {browser if is_own else 'unknown'}"
    limits = [attempt_limit(secret_key, text, CODE_MAX)]
    count_attempt(connection, limits)
    if not prove_factor(connection, secret_key, person, code, now_ms):
        raise WrongCode
    forgive_attempt(connection, limits)


def origin_limits(secret_key: bytes, purpose: str, address: str) -> list[AttemptLimit]:
    """Returns the limits of a sender: of its network, and of the site that an IPv6 one is part of.

    A site has so many networks that each with its own attempts would be none that are limited, and
    that their counts would push out all others.
    """
    network, site = network_of(address), network_of(address, _IPV6_SITE_BITS)
    limits = [attempt_limit(secret_key, f"{purpose} {network}", NETWORK_MAX)]
    if site != network:
        limits.insert(0, attempt_limit(secret_key, f"{purpose} {site}", SITE_MAX))
    return limits


def network_of(address: str, ipv6_bits: int = _IPV6_PREFIX_BITS) -> str:
    """Returns what one sender holds: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, ipv6_bits), strict=False))
