"""Tests the words for a change, where a percentage would mislead as well."""

import pytest

from console.reports.recent_days import change_text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (12, 10, "+20.0% compared with the 30 days before"),
        (5, 10, "-50.0% compared with the 30 days before"),
        (0, 10, "-100.0% compared with the 30 days before"),
        (7, 0, "none in the 30 days before"),
        (0, 0, "the same as in the 30 days before"),
        (-3, -4, "none in the 30 days before"),
    ],
)
def test_a_change_is_a_percentage_of_something(now: float, before: float, text: str) -> None:
    assert change_text(now, before) == text
