"""Notes where decisions of long histories go on, in the transactions that make them.

A fact that arrives behind where a decision goes on is left to it. One that arrives before is
decided at once, up to there: mostly nothing behind it changes (`settlement`).
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from shared.database import Connection, run
from workers.decisions.diff import Difference
from workers.decisions.long_histories.cut_tails import DecisionScope
from workers.decisions.long_histories.unfinished_decisions import (
    EVERYTHING_MS,
    Unfinished,
    remove_unfinished,
    write_unfinished,
)
from workers.sql.expressions import as_ms

_NOW = f"SELECT {as_ms('now()')}"


def scope_of(
    begun: Mapping[int, Unfinished], latest_ms: Mapping[int, int], *, continues: bool
) -> DecisionScope:
    """Returns what is in question of users, some of whom have begun decisions."""
    if continues:
        return DecisionScope({user: each.latest_ms for user, each in begun.items()}, so_far=begun)
    return DecisionScope(latest_ms, {user: each.from_ms for user, each in begun.items()})


def leave_to_unfinished(
    connection: Connection,
    begun: Mapping[int, Unfinished],
    earliest_ms: Mapping[int, int],
    latest_ms: Mapping[int, int],
) -> set[int]:
    """Leaves users to their unfinished decisions that have not come to what is new of them."""
    left = {user for user, each in begun.items() if earliest_ms[user] >= each.from_ms}
    later = {
        user: replace(each, latest_ms=max(each.latest_ms, latest_ms.get(user, EVERYTHING_MS)))
        for user, each in begun.items()
        if user in left
    }
    write_unfinished(connection, later)
    return left


def note_unfinished(
    connection: Connection,
    differences: Sequence[Difference],
    begun: Mapping[int, Unfinished],
    withheld: str | None,
) -> None:
    """Notes where these decisions go on, and which are finished now.

    `withheld` is the reason for which callbacks are withheld of what was received before.
    """
    finished = []
    unfinished = {}
    for each in differences:
        window, after = each.case.window, each.outcome.unfinished
        before = begun.get(each.user_ref)
        if window is not None and window.so_far is not None and after is None:
            finished.append(each.user_ref)
        if after is None:
            continue
        if withheld is not None:
            [(now_ms,)] = run(connection, _NOW).fetchall()
            after = replace(after, withheld=withheld, withheld_before_ms=now_ms)
        is_beside = before is not None and window is not None and window.so_far is None
        unfinished[each.user_ref] = before.with_later(after) if before and is_beside else after
    remove_unfinished(connection, finished)
    write_unfinished(connection, unfinished)
