"""Tests which days have a partition; creation and bounds are tested with PostgreSQL."""

from datetime import date

from shared.partitions import day_of, days_around, partition_name
from tests.support.build import NOW_MS

DAY_MS = 86_400_000


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
