"""Loads the signals of tails, each from the start of the run around the earliest change.

The start is found backwards with one index lookup for each signal, as long as the gaps are shorter
than the session timeout. The lookup that ends the run also shows, at no further cost, whether the
user has earlier signals. A run that is longer than a number of signals is continued from its last
mark before the change (`run_marks`) instead of being read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.database import Connection
from workers.core.devices import Device
from workers.core.history import Signal, SignalKind
from workers.core.rules import Rules
from workers.core.sessions import RunMark
from workers.decisions.affected_users import User
from workers.decisions.run_marks import MARK_SIGNALS, load_marks
from workers.sql.expressions import as_ms, from_ms
from workers.sql.json_rows import select_for

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
           timeout_ms * interval '1 millisecond' AS timeout
    FROM json_to_recordset(%s::json) AS sent (
        user_ref bigint, from_ms bigint, timeout_ms bigint, steps_max integer
    )
), run (user_ref, at, before, timeout, steps_left) AS (
    SELECT user_ref, at, {_BEFORE.format(user_ref="change.user_ref", at="change.at")}, timeout,
           steps_max
    FROM change
    UNION ALL
    SELECT user_ref, before, {_BEFORE.format(user_ref="run.user_ref", at="run.before")}, timeout,
           steps_left - 1
    FROM run
    WHERE at - before < timeout AND steps_left > 0
), start AS (
    SELECT user_ref, min(at) AS at, min(steps_left) = 0 AS is_cut,
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
    OFFSET 0  -- one range of the index for each user, whatever the planner expects
) AS tail ON true
WHERE start.is_cut OR tail.receipt IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class SignalTails:
    """The signals of tails, where each starts, whether others are earlier, and the last's time.

    `marks` are those from which the tails of long runs continue.
    """

    signals: dict[int, list[Signal]]
    starts_ms: dict[int, int]
    has_earlier: dict[int, bool]
    last_ms: dict[int, int]
    marks: Mapping[int, RunMark]


def load_signals(
    connection: Connection,
    users: Sequence[User],
    earliest_ms: Mapping[int, int],
    rules: Mapping[int, Rules],
) -> SignalTails:
    """Loads each user's signals from the start of the run around the earliest change, or a mark."""

    def row(user: User, from_ms: int, steps_max: int) -> dict[str, object]:
        timeout_ms = rules[user.app_id].session_timeout_ms
        return {
            "user_ref": user.id,
            "from_ms": from_ms,
            "timeout_ms": timeout_ms,
            "steps_max": steps_max,
        }

    found = select_for(
        connection, _SIGNALS, [row(user, earliest_ms[user.id], STEPS_MAX) for user in users]
    )
    long = {user_ref for user_ref, _, _, receipt, *_ in found if receipt is None}
    marks: Mapping[int, RunMark] = {}
    if long:
        marks = load_marks(connection, {user: earliest_ms[user] for user in long})
        found += select_for(
            connection,
            _SIGNALS,
            [
                # A mark is where the tail starts: -1 looks for no step before it.
                row(user, marks[user.id].time_ms, -1)
                if user.id in marks
                else row(user, earliest_ms[user.id], _UNBOUNDED)
                for user in users
                if user.id in long
            ],
        )
    # Without a row nothing is known of earlier signals, and there may be any number.
    has_earlier = {user.id: earliest_ms[user.id] > BEGINNING_MS for user in users}
    tails = SignalTails(defaultdict(list), dict(earliest_ms), has_earlier, {}, marks)
    for user_ref, start_ms, last_ms, *signal in found:
        if signal[0] is not None:
            tails.signals[user_ref].append(_read_signal(signal))
            tails.starts_ms[user_ref] = start_ms
            tails.has_earlier[user_ref] = last_ms is not None
            tails.last_ms[user_ref] = last_ms or 0
    return tails


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
