"""Tests which times a comparison adds up: both periods end at the same hour."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports.comparison import comparable_spans
from console.reports.period import Period
from console.reports.question import Against, Question

NOW = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)


def question(first: date, last: date, against: Against) -> Question:
    return Question(period=Period(first, last), against=against)


@pytest.mark.parametrize(
    ("first", "last", "against", "until", "earlier"),
    [
        # one day, today: yesterday up to the same hour
        ("11-28", "11-28", Against.PREVIOUS, "2026-11-28 18", ("2026-11-27 00", "2026-11-27 18")),
        # four weeks that end today
        ("11-01", "11-28", Against.PREVIOUS, "2026-11-28 18", ("2026-10-04 00", "2026-10-31 18")),
        # days that are over are compared as a whole
        ("11-01", "11-07", Against.PREVIOUS, "2026-11-08 00", ("2026-10-25 00", "2026-11-01 00")),
        ("11-01", "11-28", Against.YEAR, "2026-11-28 18", ("2025-11-01 00", "2025-11-28 18")),
        # what lies in the future does not make the period longer
        ("11-28", "12-31", Against.PREVIOUS, "2026-11-28 18", ("2026-11-27 00", "2026-11-27 18")),
    ],
)
def test_both_periods_end_at_the_same_hour(
    first: str, last: str, against: Against, until: str, earlier: tuple[str, str]
) -> None:
    start, end = (date.fromisoformat(f"2026-{day}") for day in (first, last))

    spans = comparable_spans(question(start, end, against), NOW)

    assert spans
    assert [f"{moment:%Y-%m-%d %H}" for span in spans for moment in span] == [
        f"2026-{first} 00", until, *earlier
    ]  # fmt: skip


def test_a_leap_day_is_compared_with_the_day_before_it() -> None:
    day = date(2024, 2, 29)

    spans = comparable_spans(question(day, day, Against.YEAR), NOW)

    assert spans
    assert spans[1][0] == datetime(2023, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("first", [date(2026, 11, 29), date(2026, 12, 24)])
def test_a_period_that_has_not_begun_is_compared_with_nothing(first: date) -> None:
    assert comparable_spans(question(first, first, Against.PREVIOUS), NOW) is None
    assert comparable_spans(question(NOW.date(), NOW.date(), Against.NOTHING), NOW) is None


@given(
    first=st.dates(date(2025, 1, 1), date(2026, 11, 28)),
    days=st.integers(1, 400),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_previous_period_is_as_long_and_does_not_overlap(
    first: date, days: int, now: datetime
) -> None:
    last = date.fromordinal(first.toordinal() + days - 1)
    spans = comparable_spans(question(first, last, Against.PREVIOUS), now)
    if spans is None:
        return
    (since, until), (earlier_since, earlier_until) = spans

    assert until - since == earlier_until - earlier_since
    assert earlier_until <= since
    assert (since - earlier_since).seconds == 0
    assert until <= now
