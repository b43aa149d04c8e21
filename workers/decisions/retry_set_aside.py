"""Second tries: users who were set aside are decided again, one at a time, until time is up.

Each in a transaction of its own, from the beginning: what failed may fail again, and shall take
nobody along. One that fails again waits twice as long for its next try, an hour at most.
"""

import time
from dataclasses import dataclass

from shared.database import Connection
from workers.core.decision import decide as decide_by_rules
from workers.decisions.derive import derive_anew
from workers.decisions.set_aside_users import next_due, set_aside_among
from workers.decisions.user_decisions import Decide


@dataclass(frozen=True, slots=True)
class SetAsideRetries:
    """How many users were tried and how many of them `decided`; `more` when time was up."""

    tried: int
    decided: int
    more: bool


def retry_set_aside(
    connection: Connection, seconds_max: float, decide: Decide = decide_by_rules
) -> SetAsideRetries:
    """Try every user who is due until time is up, at least one. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    tried = decided = 0
    while (user := next_due(connection)) is not None:
        derive_anew(connection, [user], decide)
        tried += 1
        decided += not set_aside_among(connection, [user])
        if time.monotonic() >= ends_at:
            return SetAsideRetries(tried, decided, more=True)
    return SetAsideRetries(tried, decided, more=False)
