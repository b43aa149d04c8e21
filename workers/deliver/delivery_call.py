"""Has a courier woken while a drain still runs, so that no callback waits for the drain's end."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from shared.database import DatabaseError
from shared.redis import Redis, RedisError
from workers.deliver.outbox_claims import has_due_callbacks
from workers.patient_database import PATIENT, Database, Patience

LOOK_SECONDS = 0.25  # a look costs a call of Redis and one of PostgreSQL


def is_courier_needed(redis: Redis, database: Database, patience: Patience = PATIENT) -> bool:
    """Tells whether callbacks are due and no worker delivers. Raises RedisError, DatabaseError."""
    return not redis.exists(redis.names.deliver_lease) and has_due_callbacks(
        database.connection(patience)
    )


@dataclass
class DeliveryCall:
    """Calls for a courier when callbacks are due and no worker delivers.

    First it enqueues a delivery, for a worker that has nothing to do. If by the next look none has
    begun, all of them drain: then this worker delivers itself, beside its drain.
    """

    is_needed: Callable[[], bool]
    enqueue: Callable[[], object]
    deliver: Callable[[], object]
    monotonic: Callable[[], float] = time.monotonic
    _looks_at: float = 0.0
    _is_enqueued: bool = False

    def __call__(self) -> None:
        """Looks, unless it did so a moment ago. A store that is away is left to the drain."""
        now = self.monotonic()
        if now < self._looks_at:
            return
        self._looks_at = now + LOOK_SECONDS
        with suppress(DatabaseError, RedisError):
            if not self.is_needed():
                self._is_enqueued = False
            elif self._is_enqueued:
                self.deliver()
            else:
                self.enqueue()
                self._is_enqueued = True
