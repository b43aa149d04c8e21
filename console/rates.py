"""Converts amounts into one currency by the European Central Bank's reference rates.

An amount is converted by the rate of its day, or of the last day before it that has one: there are
no rates for weekends, and none after the last day that is known. Rates come with the installed
package; newer ones and an operator's own are stored, and `use_rates` tells a process of them
(`console.exchange`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from currency_converter import CURRENCY_FILE

from console.rate_files import PublishedRate, read_ecb_file
from shared.errors import OperatorError

REFERENCE = "EUR"  # the currency that the ECB quotes its rates in
RATE_AGE_DAYS_MAX = 400  # an older rate says nothing about an amount
_GAP_DAYS_MAX = 31  # between two days with rates: holidays, or own rates for each month


@dataclass(frozen=True)
class Rate:
    """The value of one unit of a currency in the target currency, and the day of that rate."""

    value: Decimal
    day: date


class RateBook:
    """Units of each currency for one euro, by day. `newest_day` is the last one of the ECB."""

    def __init__(self, per_euro: Mapping[str, Mapping[date, Decimal]], newest_day: date) -> None:
        self._per_euro = per_euro
        self._days = {currency: sorted(rates) for currency, rates in per_euro.items()}
        self.newest_day = newest_day

    @property
    def currencies(self) -> frozenset[str]:
        return frozenset({REFERENCE, *self._per_euro})

    def last_day(self, currency: str) -> date:
        """Returns the last day with a rate of a known currency."""
        return self.newest_day if currency == REFERENCE else self._days[currency][-1]

    def per_euro(self, currency: str, day: date) -> tuple[date, Decimal] | None:
        """Returns the rate of a known currency on a day or the last one before it, if it counts.

        Within the known days it is at most a month old, after them at most RATE_AGE_DAYS_MAX days.
        """
        if currency == REFERENCE:
            return min(day, self.newest_day), Decimal(1)
        days = self._days[currency]
        found = bisect_right(days, day)
        if not found:
            return None
        last = days[found - 1]
        age_days_max = RATE_AGE_DAYS_MAX if found == len(days) else _GAP_DAYS_MAX
        if (day - last).days > age_days_max:
            return None
        return last, self._per_euro[currency][last]

    def joined(self, ecb: Iterable[PublishedRate], own: Iterable[PublishedRate]) -> "RateBook":
        """Returns a book with these rates as well; an operator's own ones come first."""
        newest_day = self.newest_day
        changed: dict[str, dict[date, Decimal]] = {}
        for rates, is_own in ((ecb, False), (own, True)):
            for rate in rates:
                known = changed.get(rate.currency)
                if known is None:
                    known = changed[rate.currency] = dict(self._per_euro.get(rate.currency, {}))
                known[rate.day] = rate.per_euro
                newest_day = newest_day if is_own else max(newest_day, rate.day)
        return RateBook({**self._per_euro, **changed}, newest_day)


class Rates:
    """Exchange rates into one target currency.

    Raises OperatorError for a target that has no rates.
    """

    def __init__(self, target: str) -> None:
        if target not in usable_currencies():
            known = ", ".join(sorted(usable_currencies()))
            raise OperatorError(f"There are no rates for {target!r}. Use one of {known}.")
        self.target = target
        self._book = _current_book()
        self._cache: dict[tuple[str, date], Rate | None] = {}

    def rate(self, currency: str, day: date) -> Rate | None:
        """Returns the rate of a currency on a day.

        It is None when nobody publishes a rate of this currency, or the last one is too old.
        """
        if (currency, day) not in self._cache:
            self._cache[currency, day] = self._find(currency, day)
        return self._cache[currency, day]

    def _find(self, currency: str, day: date) -> Rate | None:
        if currency == self.target:
            return Rate(Decimal(1), day)
        if currency not in self._book.currencies:
            return None
        # Both of one day, so that a cross rate was true at some time.
        both_days = min(day, *map(self._book.last_day, (currency, self.target)))
        source = self._book.per_euro(currency, both_days)
        target = self._book.per_euro(self.target, both_days)
        if source is None or target is None or (day - both_days).days > RATE_AGE_DAYS_MAX:
            return None
        return Rate(target[1] / source[1], min(source[0], target[0]))


class _Current:
    """The rates of this process: those of the package, until it is told of others."""

    book: RateBook | None = None


def use_rates(ecb: Iterable[PublishedRate], own: Iterable[PublishedRate]) -> None:
    """Makes this process convert by these rates, in addition to those of the package."""
    _Current.book = _package_book().joined(ecb, own)


def currencies() -> frozenset[str]:
    """Returns the currencies that amounts can be converted from and to."""
    return _current_book().currencies


def usable_currencies() -> frozenset[str]:
    """Returns the currencies that reports can be in: those that still get rates.

    The ECB's file also has currencies that ended, such as HRK, or whose rates it stopped, as RUB.
    """
    book = _current_book()
    oldest = book.newest_day - timedelta(days=_GAP_DAYS_MAX)
    return frozenset(name for name in book.currencies if book.last_day(name) >= oldest)


def newest_rate_day() -> date:
    """Returns the last day that has rates of the ECB."""
    return _current_book().newest_day


def package_rate_day() -> date:
    """Returns the last day that has rates in the installed package."""
    return _package_book().newest_day


def report_currency(currency: str) -> str:
    """Returns the currency itself, or the euro where the currency gets no rates any more."""
    return currency if currency in usable_currencies() else REFERENCE


def add_amount(
    sums: dict[str, tuple[Decimal, Decimal]], currency: str, amount: Decimal, *, is_ad: bool
) -> None:
    """Adds an amount to the sums of its currency: those of events, or those of ads."""
    event, ad = sums.get(currency, (Decimal(0), Decimal(0)))
    sums[currency] = (event, ad + amount) if is_ad else (event + amount, ad)


def _current_book() -> RateBook:
    return _Current.book or _package_book()


@cache
def _package_book() -> RateBook:
    """Reads the rates of the installed package once, in under a second."""
    per_euro: dict[str, dict[date, Decimal]] = {}
    for rate in read_ecb_file(Path(CURRENCY_FILE).read_bytes()):
        per_euro.setdefault(rate.currency, {})[rate.day] = rate.per_euro
    return RateBook(per_euro, max(max(days) for days in per_euro.values()))
