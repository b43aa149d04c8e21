"""Recomputing: how the console asks for it, and how it sees the worker's progress.

One Redis hash, a field an app, so that the job needs no arguments. A request has a number of its
own: a job that is at an older one learns it with its next report, and begins again, for the rules
may have changed since it read them.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import cast

import msgspec

from shared.redis import Redis

RECOMPUTE_KEY = "waybill:recompute"
REQUESTS_KEY = "waybill:recompute:requests"

# Writes progress, unless the app has been asked for again since. Returns whether it was written.
_REPORT = """
local stands = redis.call('HGET', KEYS[1], ARGV[1])
if stands and cjson.decode(stands)['request'] ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


class RecomputeState(StrEnum):
    """`waiting` until a worker takes it up; `done` and `failed` are the ends."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Recompute(msgspec.Struct, frozen=True, kw_only=True):
    """How far one app is: `done` of `total` users. `total` is 0 while nobody has counted.

    `cursor` is the last user that was decided, where the next job goes on.
    """

    done: int = 0
    total: int = 0
    state: RecomputeState = RecomputeState.WAITING
    request: int = 0
    cursor: int = 0


def request_recompute(redis: Redis, app_ids: Iterable[int]) -> None:
    """Note these apps as waiting. Then the job has to be enqueued."""
    request = int(redis.incr(REQUESTS_KEY))
    waiting = msgspec.json.encode(Recompute(request=request))
    redis.hset(RECOMPUTE_KEY, mapping={str(app_id): waiting for app_id in app_ids})


def read_recompute(redis: Redis, app_id: int) -> Recompute | None:
    """None when nobody has ever asked for this app."""
    found = cast("bytes | None", redis.hget(RECOMPUTE_KEY, str(app_id)))
    return None if found is None else msgspec.json.decode(found, type=Recompute)


def unfinished_recomputes(redis: Redis) -> dict[int, Recompute]:
    """By app, what a worker has to do: what waits, and what one that died has left running."""
    found = cast("dict[bytes, bytes]", redis.hgetall(RECOMPUTE_KEY))
    by_app = {int(app): msgspec.json.decode(text, type=Recompute) for app, text in found.items()}
    ended = {RecomputeState.DONE, RecomputeState.FAILED}
    return {app: recompute for app, recompute in by_app.items() if recompute.state not in ended}


def report_recompute(redis: Redis, app_id: int, progress: Recompute) -> bool:
    """False when the app was asked for anew: begin again with what stands there now."""
    script = redis.register_script(_REPORT)
    arguments = (str(app_id), progress.request, msgspec.json.encode(progress))
    return bool(script(keys=(RECOMPUTE_KEY,), args=arguments))
