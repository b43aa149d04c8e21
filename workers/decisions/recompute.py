"""Recalculates the decisions of every user of an app from the facts.

Runs after a change of an app's rules, or to prove that the tables hold what the facts imply. Users
are processed in the order of their ids, some hundred in a transaction; a user whom a drain decides
at the same time waits for its lock, and a user whose decision fails is set aside while the rest
continues. The progress is in Redis (`shared.recompute`), so that a job ends when its time is up and
the next one continues. One worker at a time: its lock expires when the worker falls silent. At the
end every period of the app is marked as stale, so that its rollups are recalculated too. Where only
some days are asked for, users without a signal on them are passed over, and only those days are
marked; what else changes with a user's decisions is noted as always.
"""

import time

import msgspec

from shared.database import Connection, run
from shared.recompute import Recompute, RecomputeState, report_recompute, unfinished_recomputes
from shared.redis import Redis
from workers.decisions.derive import USERS_MAX, rederive
from workers.rollups.stale_periods import bounds_of, mark_app_stale

LOCK_MS = 30_000
RECOMPUTED = "recomputed"  # why callbacks that a recompute makes due are not sent

# Users who were erased or reset keep their decisions: the facts behind them are gone.
_COUNT = "SELECT count(*) FROM users WHERE app_id = %s AND detached_at IS NULL"
_NEXT = """
SELECT id FROM users WHERE app_id = %s AND id > %s AND detached_at IS NULL ORDER BY id LIMIT %s
"""
_SEEN = """
SELECT user_ref FROM unnest(%s::bigint[]) AS listed (user_ref)
WHERE EXISTS (
    SELECT FROM signals
    WHERE signals.user_ref = listed.user_ref AND event_time >= %s AND event_time < %s
)
"""


def is_left_undone(redis: Redis) -> bool:
    """Tells whether a recompute is unfinished and no worker is running it."""
    return bool(unfinished_recomputes(redis)) and not redis.exists(redis.names.recompute_claim)


def recompute(connection: Connection, redis: Redis, seconds_max: float) -> bool:
    """Continues what was requested and tells whether there is more to do. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    if not redis.set(redis.names.recompute_claim, "1", nx=True, px=LOCK_MS):
        return False
    try:
        while unfinished := unfinished_recomputes(redis):
            app_id, progress = min(unfinished.items())
            if time.monotonic() >= ends_at:
                return True
            redis.set(redis.names.recompute_claim, "1", px=LOCK_MS)
            report_recompute(redis, app_id, _advance(connection, app_id, progress))
        return False
    finally:
        redis.delete(redis.names.recompute_claim)


def _advance(connection: Connection, app_id: int, progress: Recompute) -> Recompute:
    """Decides the users of one transaction and returns the new progress."""
    rows = run(connection, _NEXT, (app_id, progress.cursor, USERS_MAX)).fetchall()
    users = [user for (user,) in rows]
    if not users:
        mark_app_stale(connection, app_id, progress.days)
        return msgspec.structs.replace(progress, state=RecomputeState.DONE, total=progress.done)
    decided = users
    if progress.days:
        seen = run(connection, _SEEN, (users, *bounds_of(progress.days)))
        decided = [user for (user,) in seen]
    rederive(connection, decided, callbacks_withheld=RECOMPUTED)
    total = progress.total
    if not total:
        [(total,)] = run(connection, _COUNT, (app_id,)).fetchall()
    return msgspec.structs.replace(
        progress,
        state=RecomputeState.RUNNING,
        done=progress.done + len(users),
        total=total,
        cursor=users[-1],
        decided=progress.decided + len(decided),
    )
