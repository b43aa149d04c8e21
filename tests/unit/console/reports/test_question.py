from datetime import date, timedelta

import pytest

from console.reports.filters import FILTER_VALUES_MAX, Filters, Split, ValueFilter, only, without
from console.reports.period import Period
from console.reports.question import HOURLY_DAYS_MAX, SPLITS_MAX, Interval, Question, breakdown
from shared.errors import BadValue, OperatorError

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

    question = Question(
        period=month, split=split, filters=Filters(event=only(event) if event else ValueFilter())
    )

    assert question.is_per_event_type is asks


def test_a_breakdown_leaves_out_nothing_and_what_is_asked_twice() -> None:
    asked = [Split.NONE, Split.LINK, Split.COUNTRY, Split.LINK]

    assert breakdown(asked) == (Split.LINK, (Split.COUNTRY,))
    assert breakdown([Split.NONE]) == breakdown([]) == (Split.NONE, ())
    question = Question(period=Period(FIRST, FIRST), split=Split.LINK, then=(Split.COUNTRY,))
    assert question.splits == (Split.LINK, Split.COUNTRY)
    assert question.told_apart == {Split.LINK, Split.COUNTRY, Split.PARTNER}


@pytest.mark.parametrize(
    ("split", "then"),
    [
        (Split.LINK, (Split.LINK,)),
        (Split.LINK, (Split.NONE,)),
        (Split.NONE, (Split.LINK,)),
        (Split.LINK, (Split.COUNTRY, Split.EVENT, Split.PARTNER)),
    ],
)
def test_a_report_has_a_few_breakdowns_each_another_one(
    split: Split, then: tuple[Split, ...]
) -> None:
    with pytest.raises(OperatorError, match=f"at most {SPLITS_MAX}|another one"):
        Question(period=Period(FIRST, FIRST), split=split, then=then)


def test_filters_name_the_dimensions_that_they_restrict() -> None:
    filters = Filters(partner=only("Acme"), link=without("Summer"), country=only("DE", "FR"))

    assert filters.filtered == {Split.PARTNER, Split.LINK, Split.COUNTRY}
    assert filters.single == {Split.PARTNER}
    assert Filters.of({Split.PARTNER: only("Acme")}) == Filters(partner=only("Acme"))


def test_a_filter_has_a_bounded_number_of_values() -> None:
    names = tuple(map(str, range(FILTER_VALUES_MAX)))
    assert only(*names).only == names

    with pytest.raises(BadValue, match="at most 200 values"):
        ValueFilter(names, ("one more",))
