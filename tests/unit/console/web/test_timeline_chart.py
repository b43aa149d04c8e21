from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.lookup.timeline_words import Lane, TimelineEntry
from console.web.timeline_chart import LABEL_WIDTH, WIDTH, draw

FIRST = datetime(2026, 1, 2, tzinfo=UTC)


def entry(minutes: float, lane: Lane = Lane.EVENTS, lasting: float | None = None) -> TimelineEntry:
    time = FIRST + timedelta(minutes=minutes)
    end = None if lasting is None else time + timedelta(minutes=lasting)
    return TimelineEntry(time, lane, "event", ("buy",), end=end)


def test_nothing_has_no_chart() -> None:
    assert draw([]) is None


def test_what_happened_at_one_moment_stands_at_the_left() -> None:
    chart = draw([entry(0)])

    assert chart is not None
    (mark,) = chart.strips[1].marks
    assert mark.x == LABEL_WIDTH
    assert mark.title == "2026-01-02 00:00:00 UTC: event, buy"
    assert [tick.label for tick in chart.ticks] == ["00:00:00"]


def test_a_session_is_as_wide_as_it_was_long() -> None:
    chart = draw([entry(0, Lane.SESSIONS, 30), entry(30, Lane.SESSIONS, 30)])

    assert chart is not None
    first, second = chart.strips[2].marks
    assert abs(first.width - second.width) < 0.2
    assert second.x > first.x
    assert chart.ticks[-1].label == "02 Jan 01:00"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.sampled_from(Lane), st.floats(0, 1e4)), min_size=1))
def test_every_mark_stands_in_its_lane_within_the_chart(
    entries: list[tuple[float, Lane, float]],
) -> None:
    chart = draw([entry(*values) for values in entries])

    assert chart is not None
    assert sum(len(strip.marks) for strip in chart.strips) == len(entries)
    for strip in chart.strips:
        assert len(strip.marks) == sum(lane is strip.lane for _, lane, _ in entries)
        for mark in strip.marks:
            assert LABEL_WIDTH <= mark.x < WIDTH
            assert mark.x + mark.width <= WIDTH
