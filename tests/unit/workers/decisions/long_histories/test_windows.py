"""A window ends where the state is known, behind what is in question, not inside a millisecond."""

from collections.abc import Sequence

import pytest

from tests.unit.workers.core.build import event
from workers.core.history import OrderedSignals
from workers.decisions.long_histories.unfinished_decisions import EVERYTHING_MS, Unfinished
from workers.decisions.long_histories.windows import Cut, bound_of, end_window, signals_before
from workers.decisions.run_marks import StoredMark

TIMEOUT_MS = 100


def _mark(time_ms: int, *, is_exact: bool = True) -> StoredMark:
    return StoredMark(time_ms, None, is_exact)


# Times of signals, marks, and the latest change; where the window ends, whether it may settle, and
# the mark that it is compared with.
ENDS: dict[str, tuple[Sequence[int], Sequence[StoredMark], int, tuple[int, bool, int | None]]] = {
    "at the first mark behind": ([1, 2, 3, 4, 5], [_mark(2), _mark(4)], 1, (4, True, 4)),
    "not right behind the change": ([1, 2, 3, 4], [_mark(2)], 1, (4, False, None)),
    "at a gap": ([1, 2, 200, 201], [_mark(500)], 1, (200, True, 500)),
    "not at a gap right behind the change": ([1, 2, 200, 201], [], 2, (201, False, None)),
    "not at an inexact mark": ([1, 2, 3, 4], [_mark(3, is_exact=False)], 1, (4, False, None)),
    "where reading ended, in question as a whole": (
        [1, 2, 200, 201], [_mark(2)], EVERYTHING_MS, (201, False, None),
    ),
    "with the next mark at hand": ([1, 2, 3, 4], [_mark(9)], 1, (4, False, 9)),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_a_window_ends_where_what_stands_behind_it_can_be_compared(case: str) -> None:
    times, marks, latest_ms, expected = ENDS[case]
    signals = OrderedSignals(event(time_ms) for time_ms in times)

    window = end_window(Cut(1, 0, signals, times[-1], TIMEOUT_MS, latest_ms), marks)

    mark = window.mark.time_ms if window.mark else None
    assert (window.end_ms, window.may_settle, mark) == expected


@pytest.mark.parametrize(
    ("last_ms", "from_ms", "bound_ms"), [(9, 5, 9), (5, 5, 6), (4, 5, 5), (9, 0, 9)]
)
def test_signals_are_complete_up_to_the_last_millisecond_that_was_read(
    last_ms: int, from_ms: int, bound_ms: int
) -> None:
    assert bound_of(last_ms, from_ms) == bound_ms


def test_the_signals_of_a_millisecond_stay_together() -> None:
    signals = OrderedSignals([event(1), event(2, "a"), event(2, "b"), event(3)])

    assert [signal.receipt for signal in signals_before(signals, 2)] == ["event-1"]
    assert len(signals_before(signals, 3)) == 3


def test_two_unfinished_decisions_become_one_that_withholds_nothing_the_other_would_tell() -> None:
    recomputed = Unfinished(10, withheld="recomputed", withheld_before_ms=7)
    late = Unfinished(5, 20, is_changed=True)

    assert late.with_later(recomputed) == Unfinished(
        5, EVERYTHING_MS, is_changed=True, withheld_before_ms=7
    )
    assert recomputed.with_later(recomputed) == recomputed
