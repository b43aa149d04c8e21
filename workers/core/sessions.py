"""Sessions: the intervals of activity that a user's signals show.

An open starts a session unless one is running. A session runs until nothing has happened for the
timeout; a gap of exactly the timeout ends it. Other signals extend a running session and never
start one: a renewal charged at 3 a.m. is not an active user.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from workers.core.history import Moment, Signal, SignalKind, in_order


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One visit. Its start, the moment of its first open, is its identity within its user.

    `opens` counts its opens, the first included; `events` its other signals.
    """

    start: Moment
    last_activity_ms: int
    opens: int = 1
    events: int = 0


def sessionize(
    signals: Iterable[Signal], timeout_ms: int, so_far: Session | None = None
) -> tuple[Session, ...]:
    """The sessions that these signals make, in order.

    `so_far` is the last session of an earlier part of the history, when all of `signals` are later
    than that part; it comes first in the answer, longer if they extend it. The state after any
    signal is its last session and no more, which is what makes this exact:
    `sessionize(a + b) == sessionize(a)[:-1] + sessionize(b, so_far=sessionize(a)[-1])`.
    """
    done: list[Session] = []
    last = so_far
    for signal in in_order(signals):
        if last is not None and signal.time_ms - last.last_activity_ms < timeout_ms:
            last = _extended(last, signal)
        elif signal.kind is SignalKind.OPEN:
            if last is not None:
                done.append(last)
            last = Session(start=signal.moment, last_activity_ms=signal.time_ms)
    return (*done, last) if last is not None else ()


def runs(signals: Iterable[Signal], timeout_ms: int) -> tuple[tuple[Signal, ...], ...]:
    """The signals cut wherever the gap to the next is the timeout or longer.

    No session crosses such a gap, and none is running after it. So the sessions of a history are
    the sessions of its runs, one run after the other, and a new signal can change those of its own
    run only. To take one in, read the whole run around it (further to either side until the gap is
    long enough), sessionize that, and put the result in place of every stored session that starts
    between the first and the last signal of the run, both included. That is exact: signals that
    were one run before are in one run still, since a new signal can join runs and never cut one.
    """
    found: list[list[Signal]] = []
    for signal in in_order(signals):
        if found and signal.time_ms - found[-1][-1].time_ms < timeout_ms:
            found[-1].append(signal)
        else:
            found.append([signal])
    return tuple(tuple(run) for run in found)


def session_at(sessions: Sequence[Session], moment: Moment) -> Session | None:
    """The session that a signal of this moment belongs to; None for one outside any session."""
    place = bisect_right(sessions, moment, key=lambda session: session.start)
    if place == 0 or moment.time_ms > sessions[place - 1].last_activity_ms:
        return None
    return sessions[place - 1]


def _extended(session: Session, signal: Signal) -> Session:
    is_open = signal.kind is SignalKind.OPEN
    return msgspec.structs.replace(
        session,
        last_activity_ms=signal.time_ms,
        opens=session.opens + is_open,
        events=session.events + (not is_open),
    )
