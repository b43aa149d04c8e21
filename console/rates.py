"""Converts amounts into one currency by the European Central Bank's reference rates.

An amount is converted by the rate of its day, or of the last day before it that has one: there are
no rates for weekends, and none after the last day that the installed package knows.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from currency_converter import CurrencyConverter, RateNotFoundError

from shared.errors import OperatorError

REFERENCE = "EUR"  # the currency that the ECB quotes its rates in
RATE_AGE_DAYS_MAX = 400  # an older rate says nothing about an amount
_GAP_DAYS_MAX = 14  # between two days with rates: holidays


@dataclass(frozen=True)
class Rate:
    """The value of one unit of a currency in the target currency, and the day of that rate."""

    value: Decimal
    day: date


class Rates:
    """Exchange rates into one target currency.

    Raises OperatorError for a target that has no rates.
    """

    def __init__(self, target: str) -> None:
        if target not in usable_currencies():
            known = ", ".join(sorted(usable_currencies()))
            raise OperatorError(f"There are no rates for {target!r}. Use one of {known}.")
        self.target = target
        self._cache: dict[tuple[str, date], Rate | None] = {}

    def rate(self, currency: str, day: date) -> Rate | None:
        """Returns the rate of a currency on a day.

        It is None when the ECB publishes no rate of this currency, or stopped long ago.
        """
        if (currency, day) not in self._cache:
            self._cache[currency, day] = self._last_rate(currency, day)
        return self._cache[currency, day]

    def _last_rate(self, currency: str, day: date) -> Rate | None:
        if currency == self.target:
            return Rate(Decimal(1), day)
        if currency not in currencies():
            return None
        known_days = [_converter().bounds[name] for name in (currency, self.target)]
        last = min(day, *(bounds.last_date for bounds in known_days))
        if (day - last).days > RATE_AGE_DAYS_MAX:
            return None
        for days in range(_GAP_DAYS_MAX):
            rate_day = last - timedelta(days=days)
            try:
                value = _converter().convert(Decimal(1), currency, self.target, rate_day)
            except RateNotFoundError:
                continue
            return Rate(Decimal(value), rate_day)
        return None


def currencies() -> frozenset[str]:
    """Returns the currencies that amounts can be converted from and to."""
    return frozenset(_converter().currencies)


def usable_currencies() -> frozenset[str]:
    """Returns the currencies that reports can be in: those that still get rates.

    The ECB's file also has currencies that ended, such as HRK, or whose rates it stopped, as RUB.
    """
    oldest = newest_rate_day() - timedelta(days=_GAP_DAYS_MAX)
    return frozenset(
        currency for currency in currencies() if _converter().bounds[currency].last_date >= oldest
    )


@cache
def newest_rate_day() -> date:
    """Returns the last day that has rates."""
    days: list[date] = [_converter().bounds[currency].last_date for currency in currencies()]
    return max(days)


def report_currency(currency: str) -> str:
    """Returns the currency itself, or the euro where the currency gets no rates any more."""
    return currency if currency in usable_currencies() else REFERENCE


def add_amount(
    sums: dict[str, tuple[Decimal, Decimal]], currency: str, amount: Decimal, *, is_ad: bool
) -> None:
    """Adds an amount to the sums of its currency: those of events, or those of ads."""
    event, ad = sums.get(currency, (Decimal(0), Decimal(0)))
    sums[currency] = (event, ad + amount) if is_ad else (event + amount, ad)


@cache
def _converter() -> CurrencyConverter:
    """Reads the rates once, in under a second."""
    return CurrencyConverter(decimal=True)
