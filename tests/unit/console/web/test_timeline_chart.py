from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.lookup.timeline_words import Lane, TimelineEntry
from console.web.timeline_chart import LABEL_WIDTH, WIDTH, draw

FIRST = datetime(2026, 1, 2, tzinfo=UTC)


def moment(minutes: float, lane: Lane = Lane.EVENTS, lasting: float | None = None) -> TimelineEntry:
    time = FIRST + timedelta(minutes=minutes)
    end = None if lasting is None else time + timedelta(minutes=lasting)
    return TimelineEntry(time, lane, "event", ("buy",), end=end)


def test_nothing_has_no_picture() -> None:
    assert draw([]) is None


def test_what_happened_at_one_moment_stands_at_the_left() -> None:
    picture = draw([moment(0)])

    assert picture is not None
    (mark,) = picture.strips[1].marks
    assert mark.x == LABEL_WIDTH
    assert mark.title == "2026-01-02 00:00:00 UTC: event, buy"
    assert [tick.label for tick in picture.ticks] == ["00:00:00"]


def test_a_session_is_as_wide_as_it_was_long() -> None:
    picture = draw([moment(0, Lane.SESSIONS, 30), moment(30, Lane.SESSIONS, 30)])

    assert picture is not None
    first, second = picture.strips[2].marks
    assert abs(first.width - second.width) < 0.2
    assert second.x > first.x
    assert picture.ticks[-1].label == "02 Jan 01:00"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.sampled_from(Lane), st.floats(0, 1e4)), min_size=1))
def test_every_mark_stands_in_its_lane_within_the_picture(
    happened: list[tuple[float, Lane, float]],
) -> None:
    picture = draw([moment(*each) for each in happened])

    assert picture is not None
    assert sum(len(strip.marks) for strip in picture.strips) == len(happened)
    for strip in picture.strips:
        assert len(strip.marks) == sum(lane is strip.lane for _, lane, _ in happened)
        for mark in strip.marks:
            assert LABEL_WIDTH <= mark.x < WIDTH
            assert mark.x + mark.width <= WIDTH
