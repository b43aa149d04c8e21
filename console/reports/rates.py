"""Amounts in one currency, by the European Central Bank's reference rates.

An amount is converted by the rate of its day, or of the last day before it that has one: there are
none at weekends, and none after the day up to which the installed package knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from currency_converter import CurrencyConverter, RateNotFoundError

from shared.errors import OperatorError

REFERENCE = "EUR"  # what the ECB tells its rates in
RATE_AGE_DAYS_MAX = 400  # an older rate says nothing of an amount
_GAP_DAYS_MAX = 14  # between two days with rates: holidays


@dataclass(frozen=True)
class Rate:
    """`value`: what one unit of the currency is in the target; `day`: of which it is the rate."""

    value: Decimal
    day: date


class Rates:
    """Into one target currency. Raises OperatorError for one that has no rates."""

    def __init__(self, target: str) -> None:
        if target not in currencies():
            raise OperatorError(f"There are no rates for {target!r}. {_known()}")
        self.target = target
        self._found: dict[tuple[str, date], Rate | None] = {}

    def rate(self, currency: str, day: date) -> Rate | None:
        """None: the ECB publishes no rate of this currency, or has stopped long ago."""
        if (currency, day) not in self._found:
            self._found[currency, day] = self._look_up(currency, day)
        return self._found[currency, day]

    def _look_up(self, currency: str, day: date) -> Rate | None:
        if currency == self.target:
            return Rate(Decimal(1), day)
        if currency not in currencies():
            return None
        known = [_converter().bounds[name] for name in (currency, self.target)]
        last = min(day, *(bounds.last_date for bounds in known))
        if (day - last).days > RATE_AGE_DAYS_MAX:
            return None
        return next(self._rates_before(currency, last), None)

    def _rates_before(self, currency: str, last: date) -> Iterator[Rate]:
        for days in range(_GAP_DAYS_MAX):
            day = last - timedelta(days=days)
            try:
                value = _converter().convert(Decimal(1), currency, self.target, day)
            except RateNotFoundError:
                continue
            yield Rate(Decimal(value), day)


def currencies() -> frozenset[str]:
    """Those that amounts can be converted from and to."""
    return frozenset(_converter().currencies)


def report_currency(currency: str) -> str:
    """This one, or the euro where it has no rates."""
    return currency if currency in currencies() else REFERENCE


@cache
def _converter() -> CurrencyConverter:
    """Read once, in under a second."""
    return CurrencyConverter(decimal=True)


def _known() -> str:
    return f"Name one of {', '.join(sorted(currencies()))}."
