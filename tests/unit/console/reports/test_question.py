from datetime import date, timedelta

import pytest

from console.reports.period import Period
from console.reports.question import HOURLY_DAYS_MAX, Filters, Interval, Question, Split
from shared.errors import OperatorError

FIRST = date(2026, 1, 1)


def test_hours_are_shown_of_a_month_at_most() -> None:
    month = Period(FIRST, FIRST + timedelta(days=HOURLY_DAYS_MAX - 1))
    assert Question(period=month, by=Interval.HOUR).period == month

    with pytest.raises(OperatorError, match="daily report"):
        Question(period=Period(FIRST, month.last + timedelta(days=1)), by=Interval.HOUR)


@pytest.mark.parametrize(
    ("split", "event", "asks"),
    [(Split.EVENT, None, True), (Split.LINK, "open", True), (Split.LINK, None, False)],
)
def test_a_question_about_events_has_no_figures_of_users(
    split: Split, event: str | None, *, asks: bool
) -> None:
    month = Period(FIRST, FIRST)

    question = Question(period=month, split=split, filters=Filters(event=event))

    assert question.is_per_event_type is asks
