"""Tests which days have a partition, and its bounds; creation is tested with PostgreSQL."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_receipt, receipt_time_ms
from shared.partitions import day_of, days_around, partition_bounds, partition_name
from tests.support.build import NOW_MS

DAY_MS = 86_400_000
days = st.dates(min_value=date(2020, 1, 1), max_value=date(2100, 1, 1))


def test_days_go_from_yesterday_to_a_week_ahead() -> None:
    days = days_around(NOW_MS)

    assert days[0] == date(2026, 1, 1)
    assert days[-1] == date(2026, 1, 9)
    assert days == sorted(set(days))
    assert len(days) == 9


def test_a_day_begins_at_midnight_utc() -> None:
    midnight_ms = NOW_MS - NOW_MS % DAY_MS

    assert days_around(midnight_ms)[1] == date(2026, 1, 2)
    assert days_around(midnight_ms - 1)[1] == date(2026, 1, 1)


def test_a_moment_has_a_day_of_utc() -> None:
    assert day_of(1_767_311_999_999) == date(2026, 1, 1)
    assert day_of(1_767_312_000_000) == date(2026, 1, 2)


def test_a_partition_is_named_by_its_day() -> None:
    assert partition_name(date(2026, 1, 2)) == "events_20260102"


@given(days)
def test_a_partition_ends_where_the_next_begins(day: date) -> None:
    assert partition_bounds(day)[1] == partition_bounds(day + timedelta(days=1))[0]


@given(days)
def test_a_partition_lasts_one_day(day: date) -> None:
    lower, upper = map(receipt_time_ms, partition_bounds(day))

    assert upper - lower == DAY_MS


@given(st.integers(min_value=1_500_000_000_000, max_value=4_000_000_000_000))
def test_a_receipt_falls_into_the_partition_of_the_day_it_was_given(time_ms: int) -> None:
    today = days_around(time_ms)[1]
    lower, upper = partition_bounds(today)

    assert lower <= new_receipt(time_ms) < upper
