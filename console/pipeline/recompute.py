"""Recalculates all decisions of an app: the console requests it, a worker does it."""

import time
from collections.abc import Iterator

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import transaction
from shared.errors import OperatorError
from shared.recompute import Recompute, RecomputeState, read_recompute, request_recompute
from shared.redis import Redis
from shared.rq_queue import enqueue

ENDED = frozenset({RecomputeState.DONE, RecomputeState.FAILED})
STANDSTILL_SECONDS_MAX = 120.0
_POLL_SECONDS = 0.1


def start_recompute(resources: Resources, actor: Actor, app: App) -> None:
    """Requests a recalculation, whose progress `follow_recompute` reports.

    Raises RedisError, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(resources.connection) as connection:
        change = Change(Action.APP_RECOMPUTE, app.name, None, {})
        record_change(connection, actor, app.id, change)
        request_recompute(resources.redis, [app.id])
        enqueue(resources.redis, "recompute")


def follow_recompute(
    redis: Redis, app: App, standstill_seconds_max: float = STANDSTILL_SECONDS_MAX
) -> Iterator[Recompute]:
    """Yields each new state of a requested recalculation, up to one of ENDED.

    Raises OperatorError when there is no progress; a worker may still start it later.
    """
    last, since = None, time.monotonic()
    while last is None or last.state not in ENDED:
        current = read_recompute(redis, app.id)
        if current is not None and current != last:
            last, since = current, time.monotonic()
            yield current
        elif time.monotonic() - since > standstill_seconds_max:
            raise OperatorError(
                f"There was no progress for {standstill_seconds_max:.0f} s. Check that a worker is "
                "running, then repeat the command."
            )
        time.sleep(_POLL_SECONDS)
