"""Days and stretches of them: none that matters is missing, however far the moments are apart."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from workers.core.days import STRETCH_DAYS, stretches, utc_day, utc_days
from workers.core.rules import CLICK_AGE_MS_MAX, DAY_MS
from workers.sql.expressions import day_of, platform_of, stretch_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(min_value=0, max_value=4_000_000_000_000)
spans = st.integers(min_value=0, max_value=70 * DAY_MS)


@given(moments)
def test_a_moment_is_in_its_day_of_utc(time_ms: int) -> None:
    assert utc_day(time_ms) == (EPOCH + timedelta(milliseconds=time_ms)).date()


@given(moments, spans, st.floats(min_value=0, max_value=1))
def test_every_moment_between_two_is_in_one_of_their_days_and_stretches(
    from_ms: int, span_ms: int, share: float
) -> None:
    to_ms, between_ms = from_ms + span_ms, from_ms + int(span_ms * share)

    assert utc_day(between_ms) in utc_days(from_ms, to_ms)
    assert between_ms // (STRETCH_DAYS * DAY_MS) in stretches(from_ms, to_ms)


@given(moments, spans)
def test_days_and_stretches_are_each_told_once_and_in_order(from_ms: int, span_ms: int) -> None:
    days = utc_days(from_ms, from_ms + span_ms)
    numbers = stretches(from_ms, from_ms + span_ms)

    assert list(days) == sorted(set(days))
    assert numbers == sorted(set(numbers))


@given(moments)
def test_clicks_of_thirty_days_are_looked_for_in_four_stretches_at_most(time_ms: int) -> None:
    assert len(stretches(time_ms - CLICK_AGE_MS_MAX, time_ms)) <= 4


def test_the_indexes_are_over_the_days_and_stretches_that_are_asked_for() -> None:
    schema = files("shared").joinpath("schema.sql").read_text()

    assert schema.count(f"({day_of('event_time')}), address,") == 3
    assert schema.count(f"({day_of('event_time')}), device_id,") == 1
    assert schema.count(platform_of("device_os")) == 3
    assert schema.count(f"{stretch_of('event_time')},\n    device_id,") == 1
