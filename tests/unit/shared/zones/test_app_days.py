"""Days of time zones: without a gap, without an overlap, and with the hours that clocks show."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadValue
from shared.zones.app_days import AppDays, UnknownZone, checked_zone, zone_names

_ZONES = (
    "UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Pacific/Apia", "Europe/London",
    "Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo", "America/Goose_Bay",
    "Pacific/Kiritimati", "Pacific/Kwajalein", "Africa/Cairo",
)  # fmt: skip


@given(
    st.sampled_from(_ZONES),
    st.datetimes(datetime(1971, 1, 2), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_moment_is_in_one_day_and_in_one_hour_of_it(zone: str, moment: datetime) -> None:
    days = AppDays(zone)
    day = days.day_of(moment)

    assert days.start(day) <= moment < days.end(day)
    assert days.end(day) == days.start(day + timedelta(days=1))
    hour = days.hour_start(moment)
    assert hour <= moment < days.hour_end(hour)
    assert hour in list(days.hours(day))
    assert days.hour_end(hour) - hour <= timedelta(hours=1)
    # The clock shows that date, unless it was put back across midnight and shows the one before.
    assert day - days.local(moment).date() in (timedelta(0), timedelta(days=1))


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-11-29", "2026-11-29T00:00Z", 24),
        ("Asia/Kolkata", "2026-11-29", "2026-11-28T18:30Z", 24),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00Z", 25),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00Z", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z", 24),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00Z", 24.5),
        ("America/Havana", "2026-03-08", "2026-03-08T05:00Z", 23),  # there is no midnight
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", 25),  # there are two
    ],
)
def test_a_day_has_the_hours_that_its_clock_shows(
    zone: str, day: str, start: str, hours: float
) -> None:
    days, day_of_zone = AppDays(zone), date.fromisoformat(day)

    assert days.start(day_of_zone) == datetime.fromisoformat(start)
    length = days.end(day_of_zone) - days.start(day_of_zone)
    assert length == timedelta(hours=hours)
    assert len(list(days.hours(day_of_zone))) == -(-length // timedelta(hours=1))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_first_and_the_last_date_have_a_beginning_and_an_end(zone: str) -> None:
    days = AppDays(zone)
    for day in (date.min, date.max):
        assert days.start(day) <= days.end(day)
        assert abs((days.start(day).date() - day).days) <= 1


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "+05:30", "../etc/passwd", "posix/UTC"])
def test_a_name_that_is_no_time_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(BadValue, match="such as UTC, Europe/Berlin or Asia/Kolkata"):
        checked_zone(name)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "America"])
def test_a_zone_of_which_this_process_has_no_data_is_an_error_of_our_own(name: str) -> None:
    days, moment = AppDays(name), datetime(2026, 11, 29, tzinfo=UTC)

    for ask in (days.day_of, days.hour_start, days.hour_end, days.local):
        with pytest.raises(UnknownZone, match="Update the time zone data"):
            ask(moment)
    with pytest.raises(UnknownZone):
        days.start(moment.date())
    with pytest.raises(UnknownZone):
        days.at(moment.date(), moment.time())


def test_zones_to_choose_from_are_accepted_and_begin_with_utc() -> None:
    names = zone_names()

    assert names[0] == "UTC"
    assert {"Asia/Kolkata", "America/New_York", "Europe/Berlin"} <= {*names}
    assert [checked_zone(f" {name} ") for name in names] == names
