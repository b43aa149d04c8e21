"""Derives sessions, the intervals of activity that a user's signals show.

An open starts a session unless one is running. A session ends when nothing has happened for the
length of the timeout; a gap of exactly the timeout ends it. Other signals extend a running session
and never start one: a renewal charged at 3 a.m. is not an active user.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from workers.core.history import Moment, Signal, SignalKind, in_order


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A single visit, identified within its user by its start, the moment of its first open.

    `opens` counts its opens, including the first; `events` counts its other signals.
    """

    start: Moment
    last_activity_ms: int
    opens: int = 1
    events: int = 0


def sessionize(
    signals: Iterable[Signal], timeout_ms: int, so_far: Session | None = None
) -> tuple[Session, ...]:
    """Returns the sessions that these signals form, in order.

    `so_far` is the last session of an earlier part of the history, when all of `signals` are later
    than that part; it is the first in the result, longer if the signals extend it. The state after
    any signal is its last session and no more, which makes this exact:
    `sessionize(a + b) == sessionize(a)[:-1] + sessionize(b, so_far=sessionize(a)[-1])`.
    """
    done: list[Session] = []
    last = so_far
    for signal in in_order(signals):
        is_open = signal.kind is SignalKind.OPEN
        if last is not None and signal.time_ms - last.last_activity_ms < timeout_ms:
            last = msgspec.structs.replace(
                last,
                last_activity_ms=signal.time_ms,
                opens=last.opens + is_open,
                events=last.events + (not is_open),
            )
        elif is_open:
            if last is not None:
                done.append(last)
            last = Session(start=signal.moment, last_activity_ms=signal.time_ms)
    return (*done, last) if last is not None else ()


class RunMark(NamedTuple):
    """The last session as of all signals before a time, from which a run can be continued."""

    time_ms: int
    session: Session | None


def marks_of(
    signals: Iterable[Signal],
    timeout_ms: int,
    so_far: Session | None,
    signals_each: int,
    *,
    is_marked: bool = False,
    end_ms: int | None = None,
) -> list[RunMark]:
    """Returns a mark after every so many signals of a run, never between two of a millisecond.

    `so_far` is as for `sessionize`, which continues from a mark with the signals of its time on.
    With `is_marked` the signals begin inside a run, at a mark of it. Where they end before the
    history does, at `end_ms`, there is a mark too if the run goes on there and is long enough.
    """
    marks: list[RunMark] = []
    chunk: list[Signal] = []  # since the last mark, or the start of the run
    for signal in in_order(signals):
        begins_run = bool(chunk) and signal.time_ms - chunk[-1].time_ms >= timeout_ms
        is_full = len(chunk) >= signals_each and signal.time_ms > chunk[-1].time_ms
        if begins_run or is_full:
            so_far = next(reversed(sessionize(chunk, timeout_ms, so_far)), None)
            chunk = []
        if is_full and not begins_run:
            marks.append(RunMark(signal.time_ms, so_far))
        is_marked = not begins_run and (is_marked or is_full)
        chunk.append(signal)
    goes_on = end_ms is not None and bool(chunk) and end_ms - chunk[-1].time_ms < timeout_ms
    if end_ms is not None and goes_on and (is_marked or len(chunk) >= signals_each):
        marks.append(RunMark(end_ms, next(reversed(sessionize(chunk, timeout_ms, so_far)), None)))
    return marks


def runs(signals: Iterable[Signal], timeout_ms: int) -> tuple[tuple[Signal, ...], ...]:
    """Splits the signals wherever the gap to the next one is the timeout or longer.

    No session crosses such a gap, and none is running after it. So the sessions of a history are
    the sessions of its runs, one run after the other, and a new signal can only change those of its
    own run. To add a signal, read the whole run around it (further to either side until the gap is
    long enough), sessionize the run, and replace every stored session that starts between the first
    and the last signal of the run, both included. That is exact: signals that were in one run
    before are still in one run, since a new signal can join runs and never split one.
    """
    separated: list[list[Signal]] = []
    for signal in in_order(signals):
        if separated and signal.time_ms - separated[-1][-1].time_ms < timeout_ms:
            separated[-1].append(signal)
        else:
            separated.append([signal])
    return tuple(tuple(run) for run in separated)


def session_at(sessions: Sequence[Session], moment: Moment) -> Session | None:
    """Returns the session that a signal of this moment belongs to, or None if outside any."""
    index = bisect_right(sessions, moment.time_ms, key=lambda session: session.start.time_ms)
    if index == 0 or moment.time_ms > sessions[index - 1].last_activity_ms:
        return None
    return sessions[index - 1]
