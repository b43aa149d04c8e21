"""Keeps marks of long runs of signals, from which a decision continues them.

A user who never pauses has one run that only grows, and each event of it would cost as much as the
run is long. So the state of a long run is kept after every so many signals. A mark is derived: it
is replaced whenever something before it is decided anew, in the same transaction, like a session.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from shared.database import Connection
from workers.core.history import Moment
from workers.core.sessions import RunMark, Session
from workers.sql.copy import NULL, Target, copy_new, line, moment
from workers.sql.expressions import as_ms, from_ms
from workers.sql.json_rows import select_for, write_rows

MARK_SIGNALS = 256  # read and decided in some 5 ms; a run of a million has 4,000 marks

_LAST = f"""
SELECT sent.user_ref, {as_ms("mark.at")}, {as_ms("start_time")}, start_receipt::text,
       {as_ms("last_activity")}, opens, events
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint)
CROSS JOIN LATERAL (
    SELECT * FROM run_marks
    WHERE run_marks.user_ref = sent.user_ref AND at <= {from_ms("from_ms")}
    ORDER BY at DESC LIMIT 1
) AS mark
"""
_DELETE = f"""
DELETE FROM run_marks USING json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint)
WHERE run_marks.user_ref = sent.user_ref AND at > {from_ms("from_ms")}
"""
_MARKS = Target(
    "run_marks",
    ("user_ref", "at", "start_time", "start_receipt", "last_activity", "opens", "events"),
)


class MarkedTail(Protocol):
    """A tail that was decided, with the marks of it; see `diff.Difference`."""

    @property
    def user_ref(self) -> int: ...

    @property
    def start_ms(self) -> int: ...

    @property
    def marks(self) -> list[RunMark]: ...


def load_marks(connection: Connection, earliest_ms: Mapping[int, int]) -> dict[int, RunMark]:
    """Loads each user's last mark up to a moment (Unix milliseconds), if there is one."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, "from_ms": from_ms} for user, from_ms in earliest_ms.items()
    ]
    marks = {}
    for user, at_ms, start_ms, receipt, last_ms, opens, events in select_for(
        connection, _LAST, rows
    ):
        session = None
        if start_ms is not None:
            start = Moment(start_ms, receipt)
            session = Session(start=start, last_activity_ms=last_ms, opens=opens, events=events)
        marks[user] = RunMark(at_ms, session)
    return marks


def write_marks(connection: Connection, tails: Iterable[MarkedTail]) -> None:
    """Replaces the marks behind the starts of long tails."""
    marked = [(tail.user_ref, tail.start_ms, tail.marks) for tail in tails]
    stale: list[dict[str, object]] = [
        {"user_ref": user, "from_ms": start_ms} for user, start_ms, _ in marked
    ]
    write_rows(connection, _DELETE, stale)
    lines = [
        line(
            str(user),
            moment(mark.time_ms),
            moment(mark.session.start.time_ms) if mark.session else NULL,
            mark.session.start.receipt if mark.session else NULL,
            moment(mark.session.last_activity_ms) if mark.session else NULL,
            str(mark.session.opens if mark.session else 0),
            str(mark.session.events if mark.session else 0),
        )
        for user, _, marks in marked
        for mark in marks
    ]
    copy_new(connection, _MARKS, lines)
