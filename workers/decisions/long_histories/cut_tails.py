"""Leaves of tails that are too long, or that end where another decision goes on, only a window."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.database import Connection
from workers.core.history import OrderedSignals
from workers.core.rules import Rules
from workers.decisions.affected_users import User
from workers.decisions.long_histories.unfinished_decisions import EVERYTHING_MS, Unfinished
from workers.decisions.long_histories.windows import Cut, Window, cut_windows, signals_before
from workers.decisions.signal_tails import SignalTails


class DecisionScope(msgspec.Struct, frozen=True):
    """What is in question of the users of a transaction, beside the moments from which it is.

    Nothing behind a user's moment in `latest_ms` is in question by itself. `limits_ms` are where a
    decision of theirs continues, and this one ends; `so_far` is what windows before this one leave.
    """

    latest_ms: Mapping[int, int] = {}
    limits_ms: Mapping[int, int] = {}
    so_far: Mapping[int, Unfinished] = {}


EVERYTHING: Final = DecisionScope()


def cut_tails(
    connection: Connection,
    users: Sequence[User],
    tails: SignalTails,
    ordered: dict[int, OrderedSignals],
    rules: Mapping[int, Rules],
    scope: DecisionScope,
) -> dict[int, Window]:
    """Ends the tails that are too long or limited, and leaves only the signals before that."""
    windows = {
        user: Window(scope.latest_ms.get(user, EVERYTHING_MS), so_far=unfinished)
        for user, unfinished in scope.so_far.items()
    }
    bounds_ms = {
        user: min(
            tails.bounds_ms.get(user, EVERYTHING_MS), scope.limits_ms.get(user, EVERYTHING_MS)
        )
        for user in tails.bounds_ms.keys() | scope.limits_ms.keys()
    }
    if not bounds_ms:
        return windows
    cuts = [
        Cut(
            user_ref=user.id,
            start_ms=tails.starts_ms[user.id],
            signals=ordered[user.id],
            bound_ms=bounds_ms[user.id],
            timeout_ms=rules[user.app_id].session_timeout_ms,
            latest_ms=scope.latest_ms.get(user.id, EVERYTHING_MS),
        )
        for user in users
        if user.id in bounds_ms
    ]
    for user, window in cut_windows(connection, cuts).items():
        windows[user] = msgspec.structs.replace(window, so_far=scope.so_far.get(user))
        if window.end_ms is not None:
            ordered[user] = signals_before(ordered[user], window.end_ms)
    return windows
