"""Tests that strangers' attempts to sign in lock out nobody but themselves."""

import pytest

from console.accounts import attempts
from console.accounts.attempts import TooManyAttempts, attempt_limit, count_attempt
from console.accounts.known_browsers import mark_browser
from console.accounts.login import (
    NAME_FROM_NETWORK_MAX,
    NETWORK_MAX,
    SITE_MAX,
    LoginAttempt,
    WrongPassword,
    sign_in,
)
from console.accounts.people import create_person
from console.actor import Role
from shared.database import Connection
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
OWNERS_PASSWORD = "the owner's"
HOME = "198.51.100.1"
HOSTILE_ATTEMPTS = 10_000


def is_owners(_stored: str | None, password: str) -> bool:
    """Stands in for Argon2id, which would take five minutes."""
    return password == OWNERS_PASSWORD


@pytest.fixture
def owner(connection: Connection) -> str:
    return create_person(connection, ADMIN, "Ada", Role.ADMIN).name


def attempt(
    connection: Connection, address: str, password: str = "guess", browser: str = "", name: str = ""
) -> str:
    """Returns what becomes of an attempt."""
    tried = LoginAttempt(name or "ada", password, address, browser)
    try:
        return sign_in(connection, SECRET_KEY, tried, is_owners).name
    except (WrongPassword, TooManyAttempts) as error:
        return error.code


def rows(connection: Connection) -> int:
    (counted,) = connection.execute("SELECT count(*) FROM sign_in_attempts").fetchall()
    return int(counted[0])


@pytest.mark.parametrize("addresses", [1, 1_000])
def test_ten_thousand_hostile_attempts_never_lock_out_the_owner(
    connection: Connection, owner: str, addresses: int
) -> None:
    known = mark_browser(SECRET_KEY, owner)
    outcomes: list[str] = []
    for number in range(HOSTILE_ATTEMPTS):
        address = f"203.0.{number % addresses // 250}.{number % addresses % 250}"
        outcomes.append(attempt(connection, address))
        if number % 500 == 0 or number == HOSTILE_ATTEMPTS - 1:
            assert attempt(connection, HOME, OWNERS_PASSWORD) == owner
            assert attempt(connection, address, OWNERS_PASSWORD, known) == owner

    verified = outcomes.count("wrong_password")
    assert verified <= addresses * NAME_FROM_NETWORK_MAX
    assert outcomes.count("too_many_attempts") == HOSTILE_ATTEMPTS - verified
    assert rows(connection) <= 2 * addresses + 3


def test_an_ipv6_network_gets_no_more_attempts_for_its_many_addresses(
    connection: Connection,
) -> None:
    outcomes = [attempt(connection, f"2001:db8::{number:x}") for number in range(100)]

    assert outcomes.count("wrong_password") == NAME_FROM_NETWORK_MAX


def test_an_ipv6_site_gets_no_more_attempts_for_its_many_networks(
    connection: Connection, owner: str
) -> None:
    names = (f"somebody {number}" for number in range(SITE_MAX + 20))
    outcomes = [
        attempt(connection, f"2001:db8:7:{number:x}::1", name=name)
        for number, name in enumerate(names)
    ]

    assert outcomes == ["wrong_password"] * SITE_MAX + ["too_many_attempts"] * 20
    # Three rows an attempt, and none for those that were refused.
    assert rows(connection) <= 2 * SITE_MAX + 1
    assert attempt(connection, "2001:db8:8::1", OWNERS_PASSWORD) == owner


def test_who_forgot_a_password_locks_out_nobody_else_in_the_office(
    connection: Connection, owner: str
) -> None:
    for _ in range(200):
        attempt(connection, HOME, name="Bob")

    assert attempt(connection, HOME, OWNERS_PASSWORD) == owner


def test_an_office_of_any_size_signs_in_from_one_address(
    connection: Connection, owner: str
) -> None:
    for _ in range(NETWORK_MAX * 2):
        assert attempt(connection, HOME, OWNERS_PASSWORD) == owner


def test_a_known_browser_guesses_no_longer_than_a_stranger(
    connection: Connection, owner: str
) -> None:
    known = mark_browser(SECRET_KEY, owner)
    outcomes = [attempt(connection, HOME, browser=known) for _ in range(20)]

    assert outcomes.count("wrong_password") == NAME_FROM_NETWORK_MAX


def test_a_refused_attempt_writes_nothing(connection: Connection) -> None:
    for _ in range(NAME_FROM_NETWORK_MAX):
        attempt(connection, HOME)
    before = connection.execute("SELECT key, attempts, xmin FROM sign_in_attempts").fetchall()

    for number in range(50):
        assert attempt(connection, HOME, name="ada") == "too_many_attempts", number

    after = connection.execute("SELECT key, attempts, xmin FROM sign_in_attempts").fetchall()
    assert sorted(after) == sorted(before)


def test_the_table_of_attempts_is_bounded_and_forgets_the_oldest_first(
    connection: Connection,
) -> None:
    for number in range(300):
        count_attempt(connection, [attempt_limit(SECRET_KEY, f"key {number}", 1)], rows_max=100)

    assert rows(connection) == 100
    with pytest.raises(TooManyAttempts):
        count_attempt(connection, [attempt_limit(SECRET_KEY, "key 299", 1)], rows_max=100)
    count_attempt(connection, [attempt_limit(SECRET_KEY, "key 0", 1)], rows_max=100)


def test_what_is_over_is_deleted_by_the_next_attempt(connection: Connection) -> None:
    for number in range(10):
        attempt(connection, f"203.0.113.{number}")
    connection.execute(
        "UPDATE sign_in_attempts SET started_at = now() - make_interval(mins => %s)",
        (attempts.WINDOW_MINUTES + 1,),
    )

    attempt(connection, HOME)

    assert rows(connection) == 2
