"""Tests that amounts are converted by the last rate known on their day, and that it is named."""

from datetime import date
from decimal import Decimal

import pytest

from console.rate_files import PublishedRate
from console.rates import (
    RATE_AGE_DAYS_MAX,
    Rate,
    RateBook,
    Rates,
    newest_rate_day,
    report_currency,
    usable_currencies,
)
from shared.errors import OperatorError


def test_a_day_without_a_rate_takes_the_last_one_before_it() -> None:
    """New Year has no rate, nor has the weekend after it."""
    rates = Rates("EUR")
    new_years_eve = rates.rate("USD", date(2025, 12, 31))

    assert new_years_eve
    assert new_years_eve.day == date(2025, 12, 31)
    assert 0 < new_years_eve.value < 1
    assert rates.rate("USD", date(2026, 1, 1)) == new_years_eve


def test_a_rate_goes_both_ways_and_across() -> None:
    day = date(2025, 6, 2)
    forth, back = Rates("USD").rate("GBP", day), Rates("GBP").rate("USD", day)

    assert forth
    assert back
    assert abs(forth.value * back.value - 1) < Decimal("1e-20")


def test_a_currency_is_worth_itself() -> None:
    assert Rates("USD").rate("USD", date(2026, 11, 25)) == Rate(Decimal(1), date(2026, 11, 25))


def test_a_day_after_all_known_rates_takes_the_last_for_a_while_and_then_none() -> None:
    rates = Rates("EUR")
    last = rates.rate("RUB", date(2022, 6, 1))

    assert last
    assert last.day == date(2022, 3, 1)  # the ECB published none after it
    assert rates.rate("RUB", last.day.replace(year=2024)) is None
    assert RATE_AGE_DAYS_MAX < 730


@pytest.mark.parametrize("currency", ["", "XAU", "VND"])
def test_a_currency_without_rates_is_not_converted_from_nor_into(currency: str) -> None:
    assert Rates("EUR").rate(currency, date(2026, 1, 5)) is None
    with pytest.raises(OperatorError, match="USD"):
        Rates(currency)


def test_only_currencies_that_still_get_rates_are_usable() -> None:
    usable = usable_currencies()

    assert {"EUR", "USD", "GBP", "JPY"} <= usable
    assert usable.isdisjoint({"HRK", "RUB", "DEM", "EEK", "LTL", "XXX", "UAH", "XAU"})
    for ended in ("HRK", "RUB"):
        assert report_currency(ended) == "EUR"
        with pytest.raises(OperatorError, match="USD"):
            Rates(ended)
    assert Rates("EUR").rate("HRK", date(2022, 6, 1))  # amounts of its time are converted


def test_the_newest_rates_are_not_older_than_any_other() -> None:
    rate = Rates("EUR").rate("USD", date(2099, 1, 1))

    assert rate is None
    assert Rates("EUR").rate("USD", newest_rate_day())


def book(*rates: tuple[str, str, str]) -> RateBook:
    published = [
        PublishedRate(name, date.fromisoformat(day), Decimal(rate)) for name, day, rate in rates
    ]
    return RateBook({"USD": {date(2026, 11, 2): Decimal("1.25")}}, date(2026, 11, 2)).joined(
        published, [PublishedRate("UAH", date(2026, 10, 1), Decimal(50))]
    )


def test_stored_rates_continue_those_of_the_package() -> None:
    joined = book(("USD", "2026-11-27", "1.16"))

    assert joined.newest_day == date(2026, 11, 27)
    assert joined.per_euro("USD", date(2026, 11, 28)) == (date(2026, 11, 27), Decimal("1.16"))
    assert joined.per_euro("USD", date(2026, 11, 3)) == (date(2026, 11, 2), Decimal("1.25"))
    assert joined.per_euro("USD", date(2026, 11, 1)) is None


def test_an_own_rate_makes_a_currency_known_and_comes_before_the_ecbs() -> None:
    joined = book(("UAH", "2026-10-01", "49"), ("USD", "2026-11-02", "1.25"))

    assert joined.currencies == {"EUR", "USD", "UAH"}
    assert joined.per_euro("UAH", date(2026, 10, 15)) == (date(2026, 10, 1), Decimal(50))
    assert joined.per_euro("UAH", date(2028, 10, 1)) is None
    assert joined.newest_day == date(2026, 11, 2)
