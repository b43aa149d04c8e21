"""Deciding everything of an app again: asked for here, done by a worker, watched from here."""

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
_LOOK_SECONDS = 0.1


def recompute(resources: Resources, actor: Actor, app: App) -> None:
    """Ask for it; `follow` says how far it is. Raises RedisError; NotAllowed."""
    require_admin(actor)
    with transaction(resources.connection) as connection:
        told = Change(Action.APP_RECOMPUTE, app.name, None, {})
        record_change(connection, actor, app.id, told)
        request_recompute(resources.redis, [app.id])
        enqueue(resources.redis, "recompute")


def follow(
    redis: Redis, app: App, standstill_seconds_max: float = STANDSTILL_SECONDS_MAX
) -> Iterator[Recompute]:
    """Each state that is seen of what was asked for, up to one of ENDED.

    Raises OperatorError when nothing moves; a worker may still take it up later.
    """
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
