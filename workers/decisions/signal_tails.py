"""Loads the signals of tails, each from the start of the run around the earliest change.

The start is found backwards with one index lookup for each signal, as long as the gaps are shorter
than the session timeout. The lookup that ends the run also shows, at no further cost, whether the
user has earlier signals. A run that is longer than a number of signals is continued from its last
mark before the change (`run_marks`) instead of being read; without a mark, the history is read from
its beginning. Of a tail with more than a number of signals only the beginning is read, up to a
bound between two milliseconds (`long_histories.windows`).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.database import Connection
from workers.core.devices import Device
from workers.core.history import Signal, SignalKind
from workers.core.rules import Rules
from workers.core.sessions import RunMark
from workers.decisions.affected_users import User
from workers.decisions.long_histories.windows import (
    SHARE_SIGNALS_MIN,
    SHARED_SIGNALS,
    WINDOW_SIGNALS,
    bound_of,
)
from workers.decisions.run_marks import MARK_SIGNALS, load_marks
from workers.sql.expressions import as_ms, from_ms
from workers.sql.json_rows import Rows, select_for

STEPS_MAX = MARK_SIGNALS  # back to the start of a run; then it is continued from a mark
_UNBOUNDED = 2**31 - 1
_KINDS = {kind.value: kind for kind in SignalKind}  # a sixth of what a call of the class takes
BEGINNING_MS = 0  # no event is older (`shared.fields.IMPORTED_YEAR_MIN`)

_BEFORE = """(
    SELECT event_time FROM signals
    WHERE signals.user_ref = {user_ref} AND event_time < {at}
    ORDER BY event_time DESC LIMIT 1
)"""

# `before` is the last signal before `at`, null if there is none: the run continues to it, or ends
# and leaves it out.
_SIGNALS = f"""
WITH RECURSIVE change AS (
    SELECT user_ref, {from_ms("from_ms")} AS at, steps_max,
           timeout_ms * interval '1 millisecond' AS timeout, signals_max
    FROM json_to_recordset(%s::json) AS sent (
        user_ref bigint, from_ms bigint, timeout_ms bigint, steps_max integer, signals_max integer
    )
), run (user_ref, at, before, timeout, steps_left, signals_max) AS (
    SELECT user_ref, at, {_BEFORE.format(user_ref="change.user_ref", at="change.at")}, timeout,
           steps_max, signals_max
    FROM change
    UNION ALL
    SELECT user_ref, before, {_BEFORE.format(user_ref="run.user_ref", at="run.before")}, timeout,
           steps_left - 1, signals_max
    FROM run
    WHERE at - before < timeout AND steps_left > 0
), start AS (
    SELECT user_ref, min(at) AS at, min(steps_left) = 0 AS is_cut, min(signals_max) AS signals_max,
           CASE WHEN min(before) < min(at) THEN {as_ms("min(before)")} END AS last_ms
    FROM run GROUP BY user_ref
)
SELECT start.user_ref, {as_ms("start.at")}, start.last_ms, tail.*
FROM start
LEFT JOIN LATERAL (
    SELECT receipt::text, {as_ms("event_time")}, kind, address,
           device_family, device_os, device_version, device_is_bot, device_ids, click_ids
    FROM signals
    WHERE NOT start.is_cut AND signals.user_ref = start.user_ref AND event_time >= start.at
    -- One range of the index for each user; with ties, so that no millisecond is separated.
    ORDER BY event_time FETCH FIRST (start.signals_max) ROWS WITH TIES
) AS tail ON true
WHERE start.is_cut OR tail.receipt IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class SignalTails:
    """The signals of tails, where each starts, whether others are earlier, and the last's time.

    `marks` are those from which the tails of long runs continue, `bounds_ms` the bounds of tails of
    which only the beginning was read; that includes signals at the bound.
    """

    signals: dict[int, list[Signal]]
    starts_ms: dict[int, int]
    has_earlier: dict[int, bool]
    last_ms: dict[int, int]
    marks: dict[int, RunMark]
    bounds_ms: dict[int, int]

    def update(self, others: "SignalTails") -> None:
        """Replaces tails by those that were read again."""
        for own, read in (
            (self.signals, others.signals),
            (self.starts_ms, others.starts_ms),
            (self.has_earlier, others.has_earlier),
            (self.last_ms, others.last_ms),
            (self.marks, others.marks),
        ):
            own.update(read)  # type: ignore[arg-type]
        for user in others.signals:
            self.bounds_ms.pop(user, None)
        self.bounds_ms.update(others.bounds_ms)


def load_signals(
    connection: Connection,
    users: Sequence[User],
    earliest_ms: Mapping[int, int],
    rules: Mapping[int, Rules],
    signals_max: int | None = None,
) -> SignalTails:
    """Loads each user's signals from the start of the run around the earliest change, or a mark.

    Of more than `signals_max` only as many are loaded, or as many more as lead behind the change.
    """
    share = max(SHARED_SIGNALS // max(len(users), 1), SHARE_SIGNALS_MIN)
    limit = min(WINDOW_SIGNALS, share) if signals_max is None else signals_max
    since_ms = dict(earliest_ms)

    def rows(those: Iterable[User], starts: Mapping[int, tuple[int, int]]) -> Rows:
        return [
            {
                "user_ref": user.id,
                "from_ms": starts[user.id][0],
                "timeout_ms": rules[user.app_id].session_timeout_ms,
                "steps_max": starts[user.id][1],
                "signals_max": limit + 1,
            }
            for user in those
        ]

    usual = {user.id: (since_ms[user.id], STEPS_MAX) for user in users}
    found = select_for(connection, _SIGNALS, rows(users, usual))
    long = {user_ref for user_ref, _, _, receipt, *_ in found if receipt is None}
    marks: dict[int, RunMark] = {}
    if long:
        those = [user for user in users if user.id in long]
        marks = load_marks(connection, {user: since_ms[user] for user in long})
        # A mark is where the tail starts: -1 looks for no step before it.
        starts = {
            user.id: (marks[user.id].time_ms, -1)
            if user.id in marks
            else _without_mark(user, since_ms[user.id])
            for user in those
        }
        since_ms |= {user: starts[user][0] for user in long - marks.keys()}
        found += select_for(connection, _SIGNALS, rows(those, starts))
    tails = _read_tails(found, since_ms, marks)
    _bound_tails(tails, since_ms, limit)
    stuck = [user for user in users if tails.bounds_ms.get(user.id, math.inf) <= since_ms[user.id]]
    if stuck:
        tails.update(load_signals(connection, stuck, earliest_ms, rules, 4 * limit))
    return tails


def _without_mark(user: User, from_ms: int) -> tuple[int, int]:
    """Returns where a long run without a mark is read from, and the steps to look before that."""
    # Where facts have expired, there is no beginning to start from any more.
    return (BEGINNING_MS, -1) if user.kept_before_ms is None else (from_ms, _UNBOUNDED)


def _read_tails(
    found: Iterable[Sequence[Any]], since_ms: Mapping[int, int], marks: dict[int, RunMark]
) -> SignalTails:
    # Without a row nothing is known of earlier signals, and there may be any number.
    has_earlier = {user: at_ms > BEGINNING_MS for user, at_ms in since_ms.items()}
    tails = SignalTails(defaultdict(list), dict(since_ms), has_earlier, {}, marks, {})
    for user_ref, start_ms, last_ms, *signal in found:
        if signal[0] is not None:
            tails.signals[user_ref].append(_read_signal(signal))
            tails.starts_ms[user_ref] = start_ms
            tails.has_earlier[user_ref] = last_ms is not None
            tails.last_ms[user_ref] = last_ms or 0
    return tails


def _bound_tails(tails: SignalTails, since_ms: Mapping[int, int], limit: int) -> None:
    """Notes up to where the tails were read of which there is more."""
    for user, signals in tails.signals.items():
        if len(signals) > limit:
            tails.bounds_ms[user] = bound_of(signals[-1].time_ms, since_ms[user])


def _read_signal(row: Sequence[Any]) -> Signal:
    receipt, time_ms, kind, address, family, os, version, is_bot, device_ids, click_ids = row
    return Signal(
        receipt=receipt,
        time_ms=time_ms,
        kind=_KINDS[kind],
        device_ids=frozenset(device_ids),
        click_ids=frozenset(click_ids),
        address=address,
        device=Device(family, os, version, is_bot),
    )
