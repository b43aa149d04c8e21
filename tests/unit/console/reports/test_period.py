from datetime import date, timedelta

import pytest

from console.reports.period import REPORT_DAYS_MAX, Period, period_of
from shared.errors import BadValue

TODAY = date(2026, 1, 31)


def test_without_dates_a_report_shows_the_thirty_days_that_are_over() -> None:
    assert period_of(None, None, TODAY) == Period(date(2026, 1, 1), date(2026, 1, 30))


def test_the_first_day_follows_from_the_last() -> None:
    last = date(2025, 12, 31)

    assert period_of(None, last, TODAY) == Period(date(2025, 12, 2), last)
    assert period_of(last, last, TODAY) == Period(last, last)


@pytest.mark.parametrize("days", [0, REPORT_DAYS_MAX + 1])
def test_a_period_is_at_least_a_day_and_not_too_long(days: int) -> None:
    with pytest.raises(BadValue, match="From must"):
        Period(TODAY - timedelta(days=days - 1), TODAY)
