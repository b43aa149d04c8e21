"""Tests which days and times are read, and that whatever is typed is read or refused."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.cursor import Cursor
from console.moments import DAY_MAX, DAY_MIN, check_times, checked_day, read_day, read_moment
from shared.errors import BadValue

RECEIPT = "019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"
texts = (
    st.text()
    | st.dates().map(str)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
)


@pytest.mark.parametrize("text", ["1970-01-01", "2026-11-28", "2199-12-31"])
def test_a_day_within_the_bounds_is_read(text: str) -> None:
    assert read_day("from", text) == date.fromisoformat(text)
    assert read_moment("from", text) == datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31", "2026-02-30", "soon"]
)
def test_any_other_is_refused_with_what_is_possible(text: str) -> None:
    for read in (read_day, read_moment):
        with pytest.raises(BadValue, match=r"From must be .*from 1970-01-01 to 2199-12-31"):
            read("from", text)


@given(texts)
@example("9999-12-31T23:59:59.999999-23:59")
@example("0001-01-01T00:00:00+23:59")
@example("2199-12-31T23:59:59-12:00")
def test_whatever_is_read_leaves_room_to_calculate_with(text: str) -> None:
    for read in (read_day, read_moment):
        try:
            found = read("to", text)
        except BadValue:
            continue
        if found is not None:
            assert found.year - 400 > 0
            assert (found + timedelta(days=40_000)).year < 10_000
    try:
        cursor = Cursor.parse(f"{text}_{RECEIPT}")
    except BadValue:
        return
    assert Cursor.parse(str(cursor)) == cursor


def test_a_day_that_ends_a_period_is_part_of_it() -> None:
    end = read_moment("to", "2199-12-31", end_of_day=True)

    assert end == datetime(2199, 12, 31, 23, 59, 59, 999_999, UTC)


@dataclass
class Sent:
    """What a program sends: times at any depth."""

    name: str
    parts: list["Sent"]
    day: date | None = None
    at: datetime | None = None


@pytest.mark.parametrize(
    "sent",
    [
        Sent("a", [], day=date(1, 1, 1)),
        Sent("a", [Sent("b", []), Sent("c", [], at=datetime.max.replace(tzinfo=UTC))]),
        Sent("a", [Sent("b", [], day=DAY_MIN - timedelta(days=1))]),
        {"at": [{"x": DAY_MAX + timedelta(days=1)}]},
    ],
)
def test_a_time_out_of_bounds_is_found_at_any_depth(sent: object) -> None:
    with pytest.raises(BadValue, match="1970-01-01 to 2199-12-31"):
        check_times(sent)


def test_what_a_program_sends_within_the_bounds_passes() -> None:
    part = Sent("1 May 9999", [], day=DAY_MAX, at=datetime(1970, 1, 1, tzinfo=UTC))
    check_times(Sent("0001-01-01", [part], day=DAY_MIN))
    check_times(None)
    assert checked_day("from", DAY_MIN) == DAY_MIN
