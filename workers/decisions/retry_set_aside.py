"""Retries the decisions of users who were set aside, one user at a time.

Each is decided in a transaction of its own, from the whole history: what failed may fail again, and
must not affect other users. After each failure a user waits twice as long for the next retry, an
hour at most.
"""

import time
from dataclasses import dataclass

from shared.database import Connection
from workers.core.decision import decide as decide_by_rules
from workers.decisions.derive import rederive
from workers.decisions.set_aside_users import next_due, set_aside_among
from workers.decisions.user_decisions import Decide


@dataclass(frozen=True, slots=True)
class SetAsideRetries:
    """The number of users tried and of users decided, and whether time was up before the last."""

    tried: int
    decided: int
    more: bool


def retry_set_aside(
    connection: Connection, seconds_max: float, decide: Decide = decide_by_rules
) -> SetAsideRetries:
    """Retries every user who is due until time is up, at least one. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    tried = decided = 0
    while (user := next_due(connection)) is not None:
        rederive(connection, [user], decide)
        tried += 1
        decided += not set_aside_among(connection, [user])
        if time.monotonic() >= ends_at:
            return SetAsideRetries(tried, decided, more=True)
    return SetAsideRetries(tried, decided, more=False)
