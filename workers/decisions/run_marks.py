"""Keeps marks of long runs of signals, from which a decision continues them.

A user who never pauses has one run that only grows, and each event of it would cost as much as the
run is long. So the state of a long run is kept after every so many signals. A mark is derived: it
is replaced whenever something before it is decided anew, in the same transaction, like a session.
Where a decision ends at a mark and leaves the session there as it was but for what it counts, the
marks behind are shifted by the difference (`long_histories.settlement`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from shared.database import Connection
from workers.core.history import Moment
from workers.core.sessions import RunMark, Session
from workers.sql.copy import NULL, Target, copy_new, flag, line, moment
from workers.sql.expressions import as_ms, from_ms, until
from workers.sql.json_rows import Rows, select_for, write_rows

MARK_SIGNALS = 256  # read and decided in some 5 ms; a run of a million has 4,000 marks

_COLUMNS = f"""
    {as_ms("mark.at")}, {as_ms("start_time")}, start_receipt::text, {as_ms("last_activity")},
    opens, events
"""
_LAST = f"""
SELECT sent.user_ref, {_COLUMNS}
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint)
CROSS JOIN LATERAL (
    SELECT * FROM run_marks
    WHERE run_marks.user_ref = sent.user_ref AND at <= {from_ms("from_ms")}
    ORDER BY at DESC LIMIT 1
) AS mark
"""
# Those up to a moment, and the next one.
_BEHIND = f"""
SELECT sent.user_ref, {_COLUMNS}, is_exact
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint, to_ms bigint)
CROSS JOIN LATERAL (
    (SELECT * FROM run_marks
     WHERE run_marks.user_ref = sent.user_ref
       AND at > {from_ms("from_ms")} AND at <= {from_ms("to_ms")})
    UNION ALL
    (SELECT * FROM run_marks
     WHERE run_marks.user_ref = sent.user_ref AND at > {from_ms("to_ms")}
     ORDER BY at LIMIT 1)
) AS mark
ORDER BY user_ref, mark.at
"""
_DELETE = f"""
DELETE FROM run_marks
USING json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint, to_ms bigint)
WHERE run_marks.user_ref = sent.user_ref
  AND at > {from_ms("from_ms")} AND at <= {until("to_ms")}
"""
_SHIFT = f"""
UPDATE run_marks SET opens = run_marks.opens + sent.opens, events = run_marks.events + sent.events
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, start_ms bigint, receipt uuid, end_ms bigint, opens integer, events integer
)
WHERE run_marks.user_ref = sent.user_ref AND at > {from_ms("end_ms")}
  AND start_time = {from_ms("start_ms")} AND start_receipt = sent.receipt
"""
_MARKS = Target(
    "run_marks",
    (
        "user_ref", "at", "start_time", "start_receipt", "last_activity", "opens", "events",
        "is_exact",
    ),
)  # fmt: skip


class StoredMark(NamedTuple):
    """A mark as it is stored.

    It `is_exact` if it was made by a version that keeps marks in agreement with everything before
    them at any time; others are replaced before anything is concluded from them.
    """

    time_ms: int
    session: Session | None
    is_exact: bool


class MarkedTail(Protocol):
    """A tail that was decided, with the marks of it; see `diff.Difference`."""

    @property
    def user_ref(self) -> int: ...

    @property
    def start_ms(self) -> int: ...

    @property
    def end_ms(self) -> int | None: ...

    @property
    def marks(self) -> list[RunMark]: ...


def load_marks(connection: Connection, earliest_ms: Mapping[int, int]) -> dict[int, RunMark]:
    """Loads each user's last mark up to a moment (Unix milliseconds), if there is one."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, "from_ms": from_ms} for user, from_ms in earliest_ms.items()
    ]
    return {
        user: RunMark(at_ms, _read_session(session))
        for user, at_ms, *session in select_for(connection, _LAST, rows)
    }


def load_marks_behind(
    connection: Connection, spans: Iterable[tuple[int, int, int]]
) -> dict[int, list[StoredMark]]:
    """Loads the marks of users between two moments, and the next one behind, in order."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, "from_ms": start_ms, "to_ms": end_ms} for user, start_ms, end_ms in spans
    ]
    marks: dict[int, list[StoredMark]] = defaultdict(list)
    for user, at_ms, *session, is_exact in select_for(connection, _BEHIND, rows):
        marks[user].append(StoredMark(at_ms, _read_session(session), is_exact))
    return marks


def _read_session(row: Sequence[Any]) -> Session | None:
    start_ms, receipt, last_ms, opens, events = row
    if start_ms is None:
        return None
    start = Moment(start_ms, receipt)
    return Session(start=start, last_activity_ms=last_ms, opens=opens, events=events)


def write_marks(connection: Connection, tails: Iterable[MarkedTail]) -> None:
    """Replaces the marks of long tails, up to their ends."""
    marked = [(tail, tail.marks) for tail in tails]
    stale: list[dict[str, object]] = [
        {"user_ref": tail.user_ref, "from_ms": tail.start_ms, "to_ms": tail.end_ms}
        for tail, _ in marked
    ]
    write_rows(connection, _DELETE, stale)
    lines = [
        line(
            str(tail.user_ref),
            moment(mark.time_ms),
            moment(mark.session.start.time_ms) if mark.session else NULL,
            mark.session.start.receipt if mark.session else NULL,
            moment(mark.session.last_activity_ms) if mark.session else NULL,
            str(mark.session.opens if mark.session else 0),
            str(mark.session.events if mark.session else 0),
            flag(True),
        )
        for tail, marks in marked
        for mark in marks
    ]
    copy_new(connection, _MARKS, lines)


def shift_marks(connection: Connection, rows: Rows) -> None:
    """Adds to what the marks behind windows count of sessions; see `settlement.SessionShift`."""
    write_rows(connection, _SHIFT, rows)
