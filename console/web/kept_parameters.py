"""Keeps a report when one of its parameters is invalid: it is shown without it, and says so."""

from collections.abc import Callable
from typing import TypeVar

from console.web.values import Values
from shared.errors import WaybillError

Asked = TypeVar("Asked")

# Parameters that only mean something together, in the order in which they are tried.
_TOGETHER = (("environment",), ("from", "to", "period"))


def keep_valid(query: Values, read: Callable[[Values], Asked]) -> tuple[Asked, list[str]]:
    """Reads a query without its invalid parameters, and returns a sentence for each of these.

    Raises what `read` raises for an empty query.
    """
    try:
        return read(query), []
    except WaybillError:
        kept: set[str] = set()
        faults = []
    alone = sorted(
        query.names - {name for names in _TOGETHER for name in names},
        key=lambda name: (name == "sort", name),  # what rows can be sorted by follows from the rest
    )
    for names in (*_TOGETHER, *((name,) for name in alone)):
        try:
            read(query.only({*kept, *names}))
            kept.update(names)
        except WaybillError as error:
            faults.append(f"{error.message} The page is shown without it.")
    return read(query.only(kept)), faults
