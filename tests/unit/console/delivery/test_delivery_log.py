"""Counts of callbacks add up by day, and say why something was withheld."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from console.delivery.delivery_filter import STATES
from console.delivery.delivery_log import DeliveryCount, delivery_days

DAYS = st.integers(1, 3).map(lambda day: date(2026, 11, day))
REASONS = st.sampled_from([None, "sandbox", "no_url"])
COUNTS = st.builds(
    DeliveryCount,
    DAYS,
    st.sampled_from(["one", "two"]),
    st.none(),
    st.sampled_from(STATES),
    REASONS,
    st.integers(1, 9),
)


def test_a_day_has_its_callbacks_by_state_and_the_withheld_ones_by_reason() -> None:
    day = date(2026, 11, 28)
    counts = [
        DeliveryCount(day, "one", "Acme", "delivered", None, 5),
        DeliveryCount(day, "two", None, "delivered", None, 2),
        DeliveryCount(day, "one", "Acme", "waiting", "status 500", 1),
        DeliveryCount(day, "one", "Acme", "failed", "status 404", 3),
        DeliveryCount(day, "one", "Acme", "withheld", "sandbox", 4),
        DeliveryCount(day, "two", None, "withheld", "sandbox", 1),
        DeliveryCount(day, "two", None, "withheld", "no_consent", 2),
    ]

    (found,) = delivery_days(counts)

    assert (found.due, found.delivered, found.waiting, found.failed) == (18, 7, 1, 3)
    assert found.withheld == {"sandbox": 5, "no_consent": 2}


@given(st.lists(COUNTS))
def test_every_callback_is_due_on_one_day_newest_first(counts: list[DeliveryCount]) -> None:
    found = delivery_days(counts)

    assert sum(each.due for each in found) == sum(each.callbacks for each in counts)
    assert [each.day for each in found] == sorted({each.day for each in counts}, reverse=True)
