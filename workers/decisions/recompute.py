"""Recomputing: every user of an app decided anew from the facts.

After a change of an app's rules, or to prove that the tables hold what the facts say. Users are
taken in the order of their ids, some hundred a transaction; one that a drain decides at the same
time waits its turn, and one whose decision fails is set aside while the rest goes on. How far it is
stands in Redis (`shared.recompute`), so that a job ends when its time is up and the next goes on.
One worker at a time: the claim lapses when it falls silent. At the end every period of the app is
noted as stale, so that its figures are counted anew too.
"""

import time

import msgspec

from shared.database import Connection, run
from shared.recompute import Recompute, RecomputeState, report_recompute, unfinished_recomputes
from shared.redis import Redis
from workers.decisions.derive import USERS_MAX, derive_anew
from workers.rollups.stale_periods import mark_app_stale

CLAIM_KEY = "waybill:recompute:claim"
CLAIM_MS = 30_000

_COUNT = "SELECT count(*) FROM users WHERE app_id = %s"
_NEXT = "SELECT id FROM users WHERE app_id = %s AND id > %s ORDER BY id LIMIT %s"


def is_left_undone(redis: Redis) -> bool:
    """Whether something is to be recomputed and nobody is at it."""
    return bool(unfinished_recomputes(redis)) and not redis.exists(CLAIM_KEY)


def recompute(connection: Connection, redis: Redis, seconds_max: float) -> bool:
    """Go on with what was asked for; whether there is more to do. Raises DatabaseError."""
    if not redis.set(CLAIM_KEY, "1", nx=True, px=CLAIM_MS):
        return False
    try:
        return _work(connection, redis, time.monotonic() + seconds_max)
    finally:
        redis.delete(CLAIM_KEY)


def _work(connection: Connection, redis: Redis, ends_at: float) -> bool:
    while unfinished := unfinished_recomputes(redis):
        app_id, progress = min(unfinished.items())
        if time.monotonic() >= ends_at:
            return True
        redis.set(CLAIM_KEY, "1", px=CLAIM_MS)
        report_recompute(redis, app_id, _step(connection, app_id, progress))
    return False


def _step(connection: Connection, app_id: int, progress: Recompute) -> Recompute:
    """One transaction's worth of users further."""
    rows = run(connection, _NEXT, (app_id, progress.cursor, USERS_MAX)).fetchall()
    users = [user for (user,) in rows]
    if not users:
        mark_app_stale(connection, app_id)
        return msgspec.structs.replace(progress, state=RecomputeState.DONE, total=progress.done)
    derive_anew(connection, users)
    return msgspec.structs.replace(
        progress,
        state=RecomputeState.RUNNING,
        done=progress.done + len(users),
        total=progress.total or _count(connection, app_id),
        cursor=users[-1],
    )


def _count(connection: Connection, app_id: int) -> int:
    row = run(connection, _COUNT, (app_id,)).fetchone()
    assert row is not None
    return int(row[0])
