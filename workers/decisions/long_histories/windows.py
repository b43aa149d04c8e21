"""Ends a tail that is too long where the decision can go on, or where it may already be finished.

A window ends between two milliseconds. The state there is the attribution in force, the last
session and the time of the last signal, so any such moment will do to continue from. Where the
state as it was before is known, at a mark of a run or at a gap between two, `settlement` compares
it with the new one: if it stands, so does everything behind it. It takes a signal behind the latest
change for that, because what changed may be the last activity before an open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from shared.database import Connection
from workers.core.history import OrderedSignals, Signal
from workers.decisions.long_histories.unfinished_decisions import EVERYTHING_MS, Unfinished
from workers.decisions.run_marks import StoredMark, load_marks_behind

# More than a group of events behind a mark, so that what comes in order is decided at once; read
# and decided in some 50 ms.
WINDOW_SIGNALS: Final = 2_560
# Of many users in one transaction, less of each: half a million signals take seconds.
SHARED_SIGNALS: Final = 256_000
SHARE_SIGNALS_MIN: Final = 1_024


class Window(msgspec.Struct, frozen=True):
    """A part of a history that is decided by itself.

    It ends before `end_ms`, None: with the history. `mark` is the first stored one from there on;
    `is_gap` tells that no run goes on there, `may_settle` whether what is to be decided may end
    there: nothing behind `latest_ms` is in question by itself. `so_far` is what the windows before
    this one have left to do.
    """

    latest_ms: int = EVERYTHING_MS
    end_ms: int | None = None
    mark: StoredMark | None = None
    is_gap: bool = False
    may_settle: bool = False
    so_far: Unfinished | None = None


class Cut(msgspec.Struct, frozen=True):
    """A tail of which only the beginning was read, up to the first signal that was left out."""

    user_ref: int
    start_ms: int
    signals: OrderedSignals
    bound_ms: int
    timeout_ms: int
    latest_ms: int


def cut_windows(connection: Connection, cuts: Sequence[Cut]) -> Mapping[int, Window]:
    """Finds where the windows of these tails end."""
    rows = [(cut.user_ref, cut.start_ms, cut.bound_ms) for cut in cuts]
    marks = load_marks_behind(connection, rows)
    return {cut.user_ref: end_window(cut, marks.get(cut.user_ref, [])) for cut in cuts}


def end_window(cut: Cut, marks: Sequence[StoredMark]) -> Window:
    """Ends a window at the first moment at which it may settle, else where reading ended.

    `marks` are those inside it in order, and the next one.
    """
    gaps = set(_gaps(cut))
    ends = sorted(gaps.union(mark.time_ms for mark in marks if mark.is_exact))
    behind_ms = _first_behind(cut.signals, cut.latest_ms)
    possible = [] if behind_ms is None else ends[bisect_right(ends, behind_ms) :]
    settles = bool(possible) and possible[0] <= cut.bound_ms
    end_ms = possible[0] if settles else cut.bound_ms
    following = bisect_left(marks, end_ms, key=lambda mark: mark.time_ms)
    return Window(
        latest_ms=cut.latest_ms,
        end_ms=end_ms,
        mark=marks[following] if following < len(marks) else None,
        is_gap=end_ms in gaps,
        may_settle=settles,
    )


def signals_before(signals: OrderedSignals, end_ms: int) -> OrderedSignals:
    """Returns the signals before a moment."""
    return OrderedSignals(signals[: bisect_left(signals, end_ms, key=_time)])


def bound_of(last_ms: int, from_ms: int) -> int:
    """Returns the last moment before which signals are complete that were read up to a millisecond.

    It is not behind `from_ms` if they do not lead behind it.
    """
    return last_ms if last_ms > from_ms else last_ms + 1


def _gaps(cut: Cut) -> Iterator[int]:
    """Yields where a run of the tail ended, of the first signals behind."""
    for before, after in pairwise(cut.signals):
        if after.time_ms - before.time_ms >= cut.timeout_ms:
            yield after.time_ms


def _first_behind(signals: OrderedSignals, latest_ms: int) -> int | None:
    index = bisect_right(signals, latest_ms, key=_time)
    return signals[index].time_ms if index < len(signals) else None


def _time(signal: Signal) -> int:
    return signal.time_ms
