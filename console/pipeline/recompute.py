"""Recalculates decisions of an app: the console requests it, a worker does it."""

import time
from collections.abc import Iterator
from datetime import date

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import transaction
from shared.errors import BadValue, OperatorError
from shared.recompute import (
    Days,
    Recompute,
    RecomputeState,
    covers,
    read_recompute,
    request_recompute,
)
from shared.redis import Redis
from shared.rq_queue import enqueue

ENDED = frozenset({RecomputeState.DONE, RecomputeState.FAILED})
STANDSTILL_SECONDS_MAX = 120.0
_POLL_SECONDS = 0.1


def start_recompute(resources: Resources, actor: Actor, app: App, days: Days | None = None) -> None:
    """Requests a recalculation of some days, or of everything; `follow_recompute` follows it.

    Raises OperatorError while one is unfinished that it does not contain, RedisError, and
    NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(resources.connection) as connection:
        lock_app(connection, app)
        known = read_recompute(resources.redis, app.id)
        if known and known.state not in ENDED and not covers(days, known.days):
            raise OperatorError(
                "A recalculation of other days, or of all, is under way. Wait until it is done, or "
                "recalculate all days."
            )
        told = {"first": str(days[0]), "last": str(days[1])} if days else {}
        change = Change(Action.APP_RECOMPUTE, app.name, None, told)
        record_change(connection, actor, app.id, change)
        request_recompute(resources.redis, [app.id], days)
        enqueue(resources.redis, "recompute")


def days_from(first: date | None, last: date | None) -> Days | None:
    """Returns the days from the first to the last, None for all. Raises BadValue."""
    if first is None and last is None:
        return None
    if first is None or last is None or first > last:
        raise BadValue("from", "must be a day, and the last day one that is not before it.")
    return first, last


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
