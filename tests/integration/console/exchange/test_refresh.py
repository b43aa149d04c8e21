"""Tests that every process uses the stored exchange rates, and that a failure keeps them."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from console.exchange.refresh import read_location, refresh_if_due, refresh_rates
from console.exchange.stored_rates import (
    RateOrigin,
    list_rate_sources,
    load_rates,
    replace_own_rates,
)
from console.rates import Rates, newest_rate_day, package_rate_day, usable_currencies, use_rates
from shared.database import Connection
from shared.errors import NotAllowed, OperatorError
from tests.support.build import ADMIN, VIEWER


@pytest.fixture(autouse=True)
def packaged() -> Iterator[None]:
    yield
    use_rates([], [])


def tomorrow() -> date:
    return package_rate_day() + timedelta(days=1)


def ecb_file(rate: str = "2") -> bytes:
    return f"Date,USD,\n{tomorrow()},{rate},\n{package_rate_day()},99,\n".encode()


def test_newer_rates_of_the_ecb_are_stored_and_used(connection: Connection) -> None:
    before = Rates("EUR").rate("USD", package_rate_day())

    assert refresh_rates(connection, "/rates.csv", lambda _: ecb_file()) == 1

    assert newest_rate_day() == tomorrow()
    rate = Rates("EUR").rate("USD", tomorrow())
    assert rate
    assert (rate.value, rate.day) == (Decimal("0.5"), tomorrow())
    assert Rates("EUR").rate("USD", package_rate_day()) == before
    (source,) = list_rate_sources(connection)
    assert (source.origin, source.location, source.rates) == (RateOrigin.ECB, "/rates.csv", 1)
    assert (source.newest_day, source.fault) == (tomorrow(), None)


def test_another_process_learns_of_rates_when_it_looks(connection: Connection) -> None:
    refresh_rates(connection, "/rates.csv", lambda _: ecb_file())
    use_rates([], [])
    refresh_rates(connection, "/rates.csv", lambda _: ecb_file("4"))

    load_rates(connection)

    rate = Rates("EUR").rate("USD", tomorrow())
    assert rate
    assert rate.value == Decimal("0.25")


def test_a_file_that_cannot_be_read_keeps_the_rates_and_says_why(connection: Connection) -> None:
    refresh_rates(connection, "/rates.csv", lambda _: ecb_file())

    with pytest.raises(OperatorError, match="first column is not Date"):
        refresh_rates(connection, "/rates.csv", lambda _: b"<html>")

    assert newest_rate_day() == tomorrow()
    (source,) = list_rate_sources(connection)
    assert source.fault
    assert "first column is not Date" in source.fault
    refresh_rates(connection, "/rates.csv", lambda _: ecb_file())
    assert list_rate_sources(connection)[0].fault is None


def test_one_process_refreshes_in_a_day(connection: Connection) -> None:
    fetched: list[str] = []

    def fetch(location: str) -> bytes:
        fetched.append(location)
        return ecb_file()

    assert [refresh_if_due(connection, "/rates.csv", fetch) for _ in range(3)] == [
        True,
        False,
        False,
    ]
    assert fetched == ["/rates.csv"]

    connection.execute(
        "UPDATE rate_sources SET read_at = read_at - interval '21 hours',"
        " tried_at = tried_at - interval '21 hours'"
    )
    assert refresh_if_due(connection, "/rates.csv", fetch)


def test_a_failed_refresh_is_tried_again_after_an_hour(connection: Connection) -> None:
    assert refresh_if_due(connection, "/rates.csv", lambda _: b"")
    assert not refresh_if_due(connection, "/rates.csv", lambda _: ecb_file())

    connection.execute("UPDATE rate_sources SET tried_at = now() - interval '61 minutes'")
    assert refresh_if_due(connection, "/rates.csv", lambda _: ecb_file())
    assert newest_rate_day() == tomorrow()


def test_a_file_is_read_by_its_path_and_a_missing_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(ecb_file())

    assert read_location(str(file)) == ecb_file()
    with pytest.raises(OperatorError, match="cannot be read"):
        read_location(str(tmp_path / "none.csv"))
    with pytest.raises(OperatorError, match="cannot be read"):
        read_location("http://127.0.0.1:9/rates.csv")


def test_own_rates_are_replaced_as_a_whole(connection: Connection) -> None:
    day = package_rate_day()
    own = f"day,currency,rate\n{day},UAH,50\n{day},USD,4\n"
    assert replace_own_rates(connection, ADMIN, "own.csv", own.encode()) == 2

    rates = Rates("UAH")
    hryvnia, dollar = rates.rate("EUR", day), Rates("EUR").rate("USD", day)
    assert hryvnia
    assert dollar
    assert (hryvnia.value, dollar.value) == (Decimal(50), Decimal("0.25"))

    with pytest.raises(OperatorError, match="Line 2"):
        replace_own_rates(connection, ADMIN, "own.csv", b"day,currency,rate\nx,UAH,1\n")
    assert "UAH" in usable_currencies()
    with pytest.raises(NotAllowed):
        replace_own_rates(connection, VIEWER, "own.csv", b"day,currency,rate\n")
    assert replace_own_rates(connection, ADMIN, "own.csv", b"day,currency,rate\n") == 0
    assert "UAH" not in usable_currencies()
