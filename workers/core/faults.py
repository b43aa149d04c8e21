"""Classifies PostgreSQL's errors by what they say about the events that met them."""

from enum import Enum

_TRANSIENT_CLASSES = frozenset(
    {
        "08",  # the connection broke
        "25",  # the transaction was in no state to continue
        "40",  # deadlock or serialisation: another try succeeds
        "42",  # a table or right is missing: for the operator to fix, never the event's fault
        "53",  # disk, memory or connections ran out
        "55",  # a lock was not free in time
        "57",  # the server is stopping or starting, or cancelled the statement
        "58",  # its disk failed
    }
)
_DATA_CLASSES = frozenset({"22", "23", "54"})
_DATA_STATES = frozenset(
    {"42804", "42846"}
)  # a value that cannot be converted to the column's type


# What an event can do to PostgreSQL, and what an outage looks like too: the session was ended or
# crashed, or the statement took too long.
_BROKEN_OFF = frozenset({"57P01", "57P02", "57014"})


# A lock was not free in time; a deadlock; a conflict of two transactions.
_LOCKED = frozenset({"55P03", "40P01", "40001"})


class Disposition(Enum):
    """The ways to handle a batch that failed."""

    RETRY = "retry"  # nothing is wrong with it: wait and retry the same
    ISOLATE = "isolate"  # one of its events cannot be stored: find it
    DOUBT = "doubt"  # unclear: let it be delivered again, and take it apart if it fails again


def disposition(sqlstate: str | None) -> Disposition:
    """Classifies a SQLSTATE (PostgreSQL documentation, appendix A); None is a connection error."""
    if sqlstate is None:
        return Disposition.RETRY
    if sqlstate in _DATA_STATES or sqlstate[:2] in _DATA_CLASSES:
        return Disposition.ISOLATE
    return Disposition.RETRY if sqlstate[:2] in _TRANSIENT_CLASSES else Disposition.DOUBT


def is_obstructed(sqlstate: str | None) -> bool:
    """Tells whether a statement met what others may not: a lock, a time-out, a lost session."""
    return is_locked(sqlstate) or is_broken_off(sqlstate)


def is_locked(sqlstate: str | None) -> bool:
    """Tells whether somebody else held what a statement needed."""
    return sqlstate in _LOCKED


def is_broken_off(sqlstate: str | None) -> bool:
    """Tells whether PostgreSQL broke off: an outage, unless it happens again and again."""
    return sqlstate is None or sqlstate in _BROKEN_OFF or sqlstate[:2] == "08"
