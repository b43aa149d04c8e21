"""The faults of PostgreSQL and Redis in words for the person who asked.

Their own messages are not shown: they may hold addresses, passwords and people's data.
"""

from shared.database import DatabaseError, is_unavailable, sqlstate
from shared.errors import OperatorError

_BY_STATE = {
    "42P01": ("The database lacks Waybill's tables.", "Make them with `waybill migrate`."),
    "42703": (
        "The database has tables of another version.",
        "Bring them up with `waybill migrate`.",
    ),
    "55P03": ("Another change holds what this one needs. Try again in a moment.", ""),
    "57014": ("PostgreSQL took too long for this and gave up. Try again, or ask for less.", ""),
}
_BY_CLASS = {
    "28": "PostgreSQL refused the user or the password in DATABASE_URL.",
    "3D": "PostgreSQL has no database of the name in DATABASE_URL.",
    "42": "PostgreSQL did not allow this to the user in DATABASE_URL.",
}


class StoreFault(OperatorError):
    """A store did not do its part."""

    code = "store_fault"


def database_fault(fault: DatabaseError) -> StoreFault:
    state = sqlstate(fault)
    if state is None or is_unavailable(fault):
        return StoreFault(
            "PostgreSQL cannot be reached. Check that it runs, and the address in DATABASE_URL."
        )
    if state in _BY_STATE:
        return StoreFault(*_BY_STATE[state])
    known = _BY_CLASS.get(state[:2])
    return StoreFault(known or f"PostgreSQL could not do this (SQLSTATE {state}).")


def redis_fault() -> StoreFault:
    return StoreFault(
        "Redis cannot be reached or refused. Check that it runs, and the address in REDIS_URL."
    )
