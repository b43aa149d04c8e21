"""Tests when reports are due: each on its days, at its hour, whatever clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports.schedules.timing import MONTH_DAY_MAX, Every, Timing, timing_words
from shared.errors import BadValue

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timing", "now", "due"),
    [
        (Timing(Every.DAY, None, 8), "2026-11-30T07:59", "2026-11-30T08:00"),
        (Timing(Every.DAY, None, 8), "2026-11-30T08:00", "2026-12-01T08:00"),
        (Timing(Every.DAY, None, 8, "Europe/Berlin"), "2026-07-01T00:00", "2026-07-01T06:00"),
        (Timing(Every.DAY, None, 8, "Asia/Kolkata"), "2026-11-30T02:29", "2026-11-30T02:30"),
        # an hour that clocks skip, and one that comes twice
        (Timing(Every.DAY, None, 2, "Europe/Berlin"), "2026-03-29T00:00", "2026-03-29T01:00"),
        (Timing(Every.DAY, None, 2, "Europe/Berlin"), "2026-10-24T23:00", "2026-10-25T00:00"),
        (Timing(Every.DAY, None, 2, "Europe/Berlin"), "2026-10-25T00:30", "2026-10-26T01:00"),
        (Timing(Every.WEEK, 1, 0), "2026-11-30T00:00", "2026-12-07T00:00"),
        (Timing(Every.WEEK, 7, 23), "2026-11-30T00:00", "2026-12-06T23:00"),
        (Timing(Every.MONTH, 28, 12), "2026-02-28T12:00", "2026-03-28T12:00"),
        (Timing(Every.MONTH, 1, 1, "Pacific/Kiritimati"), "2026-11-30T00:00", "2026-11-30T11:00"),
    ],
)
def test_a_report_is_due_at_its_hour(timing: Timing, now: str, due: str) -> None:
    assert timing.next_after(at(now)) == at(due)


DAYS = {
    Every.DAY: st.none(),
    Every.WEEK: st.integers(1, 7),
    Every.MONTH: st.integers(1, MONTH_DAY_MAX),
}
timings = st.sampled_from(Every).flatmap(
    lambda every: st.builds(
        Timing, st.just(every), DAYS[every], st.integers(0, 23), st.sampled_from(ZONES)
    )
)


@given(timing=timings, now=st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1)))  # noqa: DTZ001
def test_no_time_is_missed_and_none_comes_twice(timing: Timing, now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    due = timing.next_after(moment)
    following = timing.next_after(due)

    assert moment < due < following
    assert timing.last_until(due) == timing.last_until(following - timedelta(seconds=1)) == due
    assert timing.last_until(moment) <= moment
    assert timing.next_after(timing.last_until(moment)) == due
    local = due.astimezone(ZoneInfo(timing.zone))
    if timing.every is Every.WEEK:
        assert local.isoweekday() == timing.on
    if timing.every is Every.MONTH:
        assert local.day == timing.on
    longest = {Every.DAY: 2, Every.WEEK: 8, Every.MONTH: 32}[timing.every]
    assert following - due < timedelta(days=longest)


@pytest.mark.parametrize(
    ("every", "on", "hour", "zone"),
    [
        (Every.DAY, 1, 8, "UTC"),
        (Every.WEEK, None, 8, "UTC"),
        (Every.WEEK, 8, 8, "UTC"),
        (Every.MONTH, 29, 8, "UTC"),
        (Every.MONTH, 0, 8, "UTC"),
        (Every.DAY, None, 24, "UTC"),
        (Every.DAY, None, -1, "UTC"),
        (Every.DAY, None, 8, "Mars/Olympus"),
        (Every.DAY, None, 8, "../../etc/passwd"),
        (Every.DAY, None, 8, "Europe"),
        (Every.DAY, None, 8, ""),
    ],
)
def test_what_is_no_time_is_refused(every: Every, on: int | None, hour: int, zone: str) -> None:
    with pytest.raises(BadValue):
        Timing(every, on, hour, zone)


def test_people_read_when_a_report_is_sent() -> None:
    assert timing_words(Timing(Every.DAY, None, 8)) == "every day at 08:00 (UTC)"
    assert timing_words(Timing(Every.WEEK, 7, 23)) == "every Sunday at 23:00 (UTC)"
    assert timing_words(Timing(Every.MONTH, 1, 0)) == "on day 1 of every month at 00:00 (UTC)"
