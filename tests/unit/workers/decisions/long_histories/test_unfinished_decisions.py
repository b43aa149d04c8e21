"""Two unfinished decisions of a user become one that does what either would have done."""

import pytest

from workers.decisions.long_histories.unfinished_decisions import EVERYTHING_MS, Unfinished

LATER = Unfinished(from_ms=500, latest_ms=300)
EARLIER = Unfinished(from_ms=100, latest_ms=50)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        # Before 500 the state may be found again, and what is behind is still in question.
        (LATER, EARLIER, Unfinished(from_ms=100, latest_ms=500)),
        (EARLIER, LATER, Unfinished(from_ms=100, latest_ms=500)),
        (Unfinished(500, 900), EARLIER, Unfinished(100, 900)),
        (LATER, Unfinished(100), Unfinished(100, EVERYTHING_MS)),
        (LATER, Unfinished(100, 50, True), Unfinished(100, 500, True)),
        (Unfinished(5, withheld="a"), Unfinished(9), Unfinished(5)),
        (
            Unfinished(5, withheld="a", withheld_before_ms=7),
            Unfinished(9, withheld="b", withheld_before_ms=8),
            Unfinished(5, withheld="a", withheld_before_ms=8),
        ),
    ],
)
def test_two_unfinished_decisions_become_one(
    one: Unfinished, other: Unfinished, both: Unfinished
) -> None:
    assert one.with_later(other) == both
