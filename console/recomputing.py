"""Deciding everything of an app again: asked for here, done by a worker, watched from here."""

import time
from collections.abc import Iterator

from console.apps import App
from shared.errors import OperatorError
from shared.queues import Redis, enqueue
from shared.recompute import Recompute, RecomputeState, read_recompute, request_recompute

ENDED = frozenset({RecomputeState.DONE, RecomputeState.FAILED})
STANDSTILL_SECONDS_MAX = 120.0
_LOOK_SECONDS = 0.1


def recompute(
    redis: Redis, app: App, standstill_seconds_max: float = STANDSTILL_SECONDS_MAX
) -> Iterator[Recompute]:
    """Ask, then each state that is seen, up to one of ENDED.

    Raises OperatorError when nothing moves; a worker may still take it up later.
    """
    request_recompute(redis, [app.id])
    enqueue(redis, "recompute")
    seen, since = None, time.monotonic()
    while seen is None or seen.state not in ENDED:
        found = read_recompute(redis, app.id)
        if found is not None and found != seen:
            seen, since = found, time.monotonic()
            yield found
        elif time.monotonic() - since > standstill_seconds_max:
            raise OperatorError(
                f"Nothing has moved for {standstill_seconds_max:.0f} s. See that a worker runs, "
                "then repeat the command."
            )
        time.sleep(_LOOK_SECONDS)
