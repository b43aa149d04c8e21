"""Requests the recalculation of an app's decisions, and reports the worker's progress.

One Redis hash has a field for each app, so that the job needs no arguments. A request has a number
of its own: a job that still works on an older request learns of the new one with its next report
and starts over, because the rules may have changed since it read them.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import cast

import msgspec

from shared.redis import Redis

Days = tuple[date, date]  # the first and the last

# Writes progress unless the app has been requested again since. Returns whether it was written.
_REPORT = """
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored and cjson.decode(stored)['request'] ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


class RecomputeState(StrEnum):
    """The state of a recalculation: `waiting` for a worker, `running`, then `done` or `failed`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Recompute(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of one app: `done` of `total` users; `total` is 0 until they are counted.

    `cursor` is the last user that was looked at, after whom the next job continues. With `first`
    and `last`, only users with events on these days (UTC) are decided, `decided` so far, and only
    these days are rolled up again.
    """

    done: int = 0
    total: int = 0
    state: RecomputeState = RecomputeState.WAITING
    request: int = 0
    cursor: int = 0
    first: date | None = None
    last: date | None = None
    decided: int = 0

    @property
    def days(self) -> Days | None:
        """Returns the days that are recalculated, None for all."""
        return (self.first, self.last) if self.first and self.last else None


def covers(wider: Days | None, days: Days | None) -> bool:
    """Tells whether a recalculation of some days contains that of others; None are all days."""
    if wider is None or days is None:
        return wider is None
    return wider[0] <= days[0] and days[1] <= wider[1]


def request_recompute(redis: Redis, app_ids: Iterable[int], days: Days | None = None) -> None:
    """Sets these apps to waiting. The caller then has to enqueue the job."""
    request = int(redis.incr(redis.names.recompute_requests))
    first, last = days or (None, None)
    waiting = msgspec.json.encode(Recompute(request=request, first=first, last=last))
    redis.hset(redis.names.recompute, mapping={str(app_id): waiting for app_id in app_ids})


def read_recompute(redis: Redis, app_id: int) -> Recompute | None:
    """Reads the progress of an app, None if its recalculation was never requested."""
    text = cast("bytes | None", redis.hget(redis.names.recompute, str(app_id)))
    return None if text is None else msgspec.json.decode(text, type=Recompute)


def unfinished_recomputes(redis: Redis) -> dict[int, Recompute]:
    """Returns the work to do, by app: what waits, and what a dead worker has left running."""
    texts = cast("dict[bytes, bytes]", redis.hgetall(redis.names.recompute))
    by_app = {int(app): msgspec.json.decode(text, type=Recompute) for app, text in texts.items()}
    ended = {RecomputeState.DONE, RecomputeState.FAILED}
    return {app: recompute for app, recompute in by_app.items() if recompute.state not in ended}


def report_recompute(redis: Redis, app_id: int, progress: Recompute) -> bool:
    """Writes progress; False if the app was requested again, so that the job must start over."""
    script = redis.register_script(_REPORT)
    arguments = (str(app_id), progress.request, msgspec.json.encode(progress))
    return bool(script(keys=(redis.names.recompute,), args=arguments))
