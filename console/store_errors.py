"""Translates errors of PostgreSQL and Redis into messages for operators.

Their own messages are not shown: they may contain addresses, passwords and people's data.
"""

from shared.database import DatabaseError, is_unavailable, sqlstate
from shared.errors import OperatorError
from shared.redis import RedisError, is_refused

_DATA_EXCEPTION = "22"  # the class of SQLSTATE: the value is at fault, not the store
_BY_STATE = {
    "42P01": ("The database lacks Waybill's tables.", "Create them with `waybill migrate`."),
    "42703": (
        "The database has tables of another version.",
        "Update them with `waybill migrate`.",
    ),
    "55P03": ("Another change has locked what this one needs. Try again in a moment.", ""),
    "57014": (
        "PostgreSQL took too long and cancelled this. Try again, or ask for less.",
        "",
    ),
}
_BY_CLASS = {
    "28": "PostgreSQL refused the user or the password in DATABASE_URL.",
    "3D": "PostgreSQL does not have the database named in DATABASE_URL.",
    "42": "PostgreSQL does not permit this for the user in DATABASE_URL.",
}


class StoreError(OperatorError):
    """PostgreSQL or Redis failed."""

    code = "store_fault"


class UnfitValue(OperatorError):
    """A value that PostgreSQL cannot hold, such as text with a NUL or a number beyond its type."""

    code = "unfit_value"


def database_error(error: DatabaseError) -> OperatorError:
    """Returns the error that stands for one of PostgreSQL: the asker's own, or the store's."""
    state = sqlstate(error)
    if state is not None and state.startswith(_DATA_EXCEPTION):
        return UnfitValue("The request has a value that cannot be stored or looked up.")
    if state is None or is_unavailable(error):
        return StoreError(
            "PostgreSQL is unreachable. Check that it is running, and the address in DATABASE_URL."
        )
    if state in _BY_STATE:
        return StoreError(*_BY_STATE[state])
    message = _BY_CLASS.get(state[:2], f"PostgreSQL could not do this (SQLSTATE {state}).")
    return StoreError(message)


def redis_error(error: RedisError | None = None) -> StoreError:
    """Says what is wrong with Redis: a refused user or password, else that it does not answer."""
    if error is not None and is_refused(error):
        return StoreError(
            "Redis refused the user or the password in REDIS_URL: nothing was changed. Correct "
            "REDIS_URL, then try again."
        )
    return StoreError(
        "Redis is unreachable or refused this. Check that it is running, and the address in "
        "REDIS_URL."
    )
