from datetime import date, timedelta

import pytest

from console.reports.period import REPORT_DAYS_MAX, Period, Preset, period_of, preset_of
from shared.errors import BadValue

TODAY = date(2026, 1, 31)


def test_without_dates_a_report_shows_the_four_weeks_that_end_today() -> None:
    assert period_of(None, None, TODAY) == Period(date(2026, 1, 4), TODAY)


@pytest.mark.parametrize(
    ("preset", "today", "first"),
    [
        (Preset.TODAY, TODAY, TODAY),
        (Preset.WEEK, TODAY, date(2026, 1, 25)),
        (Preset.NINETY_DAYS, TODAY, date(2025, 11, 3)),
        (Preset.MONTH, TODAY, date(2026, 1, 1)),
        (Preset.QUARTER, date(2026, 12, 31), date(2026, 10, 1)),
        (Preset.QUARTER, date(2026, 5, 1), date(2026, 4, 1)),
        (Preset.YEAR, date(2024, 12, 31), date(2024, 1, 1)),
    ],
)
def test_a_preset_ends_today(preset: Preset, today: date, first: date) -> None:
    period = period_of(None, None, today, preset)

    assert period == Period(first, today)
    assert preset_of(period, today) is preset


@pytest.mark.parametrize(
    ("preset", "today", "first", "last"),
    [
        (Preset.YESTERDAY, date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 28)),
        (Preset.LAST_WEEK, date(2026, 11, 30), date(2026, 11, 23), date(2026, 11, 29)),
        (Preset.LAST_WEEK, date(2026, 11, 29), date(2026, 11, 16), date(2026, 11, 22)),
        (Preset.LAST_MONTH, date(2024, 3, 31), date(2024, 2, 1), date(2024, 2, 29)),
    ],
)
def test_a_preset_may_be_over(preset: Preset, today: date, first: date, last: date) -> None:
    period = period_of(None, None, today, preset)

    assert period == Period(first, last)
    assert preset_of(period, today) is preset


def test_a_preset_and_days_contradict_each_other() -> None:
    with pytest.raises(BadValue, match="Give either"):
        period_of(TODAY, None, TODAY, Preset.WEEK)
    assert preset_of(Period(date(2025, 12, 2), date(2025, 12, 31)), TODAY) is None


def test_the_first_day_follows_from_the_last() -> None:
    last = date(2025, 12, 31)

    assert period_of(None, last, TODAY) == Period(date(2025, 12, 4), last)
    assert period_of(last, last, TODAY) == Period(last, last)


@pytest.mark.parametrize("days", [0, REPORT_DAYS_MAX + 1])
def test_a_period_is_at_least_a_day_and_not_too_long(days: int) -> None:
    with pytest.raises(BadValue, match="From must"):
        Period(TODAY - timedelta(days=days - 1), TODAY)
