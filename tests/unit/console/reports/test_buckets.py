"""Tests that a report has every hour and day of its period, and marks the one that is not over."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports.buckets import bucket_starts, complete_report
from console.reports.charts import LineChart
from console.reports.figures import Figures
from console.reports.filters import Split
from console.reports.period import Period
from console.reports.question import Interval, Question
from console.reports.report import ROWS_MAX, Report, ReportRow
from console.reports.report_charts import report_chart
from console.reports.sheets import MEASURES, available_measures, report_sheet

FIRST = date(2026, 11, 1)
NOW = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
MONTH = Period(FIRST, date(2026, 11, 30))


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def report(
    *rows: ReportRow,
    period: Period = MONTH,
    by: Interval = Interval.DAY,
    split: Split = Split.NONE,
) -> Report:
    question = Question(period=period, by=by, split=split)
    return complete_report(Report(question, rows, Figures(), (), None, 0), NOW)


def row(start: datetime, name: str = "", events: int = 3) -> ReportRow:
    return ReportRow(start, (name,) if name else (), Figures(events=events, users=1))


def lines_of(chart: object) -> LineChart:
    assert isinstance(chart, LineChart)
    return chart


def test_days_without_events_have_zeros_and_no_share() -> None:
    sheet = report_sheet(report(row(at(18)), row(at(25))))

    assert [len(sheet.rows), len(report(by=Interval.HOUR, period=Period(FIRST, FIRST)).rows)] == [
        28,
        24,
    ]
    assert [line[1] for line in sheet.rows if line[1]] == [3, 3]
    assert [line[2] for line in sheet.rows] == [int(day in (18, 25)) for day in range(1, 29)]
    assert {line[5] for line in sheet.rows} == {None}


def test_what_is_not_over_is_marked_and_what_has_not_begun_is_left_out() -> None:
    days, hours = report(), report(by=Interval.HOUR, period=Period(NOW.date(), NOW.date()))

    assert [row.start for row in days.rows if row.so_far] == [at(28)]
    assert [row.start for row in hours.rows if row.so_far] == [at(28, 18)]
    assert (days.rows[-1].start, hours.rows[-1].start) == (at(28), at(28, 18))
    assert report(row(at(30))).rows[-1].start == at(30)


def test_each_name_has_every_day_and_lines_are_in_one_piece() -> None:
    split = report(row(at(3), "Acme"), row(at(5), "Bolt"), row(at(9), "Acme"), split=Split.PARTNER)
    events = next(measure for measure in MEASURES if measure.name == "events")
    chart = lines_of(report_chart(split, events, NOW))

    assert len(split.rows) == 2 * 28
    assert split.is_complete
    assert [(line.name, len(line.paths), len(line.dots)) for line in chart.lines] == [
        ("Acme", 1, 28),
        ("Bolt", 1, 28),
    ]
    assert all(line.so_far for line in chart.lines)
    assert chart.lines[0].dots[-1].label == "28 Nov so far: Acme 0"


def test_a_report_that_would_be_too_long_keeps_its_rows_and_its_chart_every_day() -> None:
    names = [f"link {number}" for number in range(ROWS_MAX // 28 + 1)]
    long = report(*(row(at(2), name) for name in names), split=Split.LINK)

    assert (len(long.rows), long.is_complete) == (len(names), False)
    chart = lines_of(report_chart(long, available_measures(long)[0], NOW))
    assert {len(line.dots) for line in chart.lines} == {28}


def test_a_total_and_a_split_without_names_get_no_rows() -> None:
    assert report(by=Interval.TOTAL).rows == ()
    assert report(split=Split.LINK).rows == []


@pytest.mark.parametrize("by", [Interval.HOUR, Interval.DAY])
@given(
    first=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    days=st.integers(1, 31),
    now=st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_starts_are_those_that_a_clock_passes(
    by: Interval, first: date, days: int, now: datetime
) -> None:
    period = Period(first, first + timedelta(days=days - 1))
    clock = datetime(first.year, first.month, first.day, tzinfo=UTC)
    passed = []
    while clock.date() <= period.last and clock < now:
        passed.append(clock)
        clock += timedelta(hours=1) if by is Interval.HOUR else timedelta(days=1)

    assert bucket_starts(Question(period=period, by=by), now) == passed
