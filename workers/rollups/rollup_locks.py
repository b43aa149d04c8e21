"""Locks of rollups: one worker at a time rolls up an app, and others can wait for all of them.

Workers of an earlier version take the first lock alone; now those that roll up share it.
"""

from shared.database import Connection, transaction
from shared.shards.advisory_locks import AdvisoryLock, lock, try_lock_app, try_share


def wait_for_rollups(connection: Connection) -> None:
    """Waits until the rollups that may be under way have ended."""
    with transaction(connection):
        lock(connection, AdvisoryLock.ROLL_UP)


def may_roll_up(connection: Connection, app_id: int) -> bool:
    """Locks an app until the transaction ends, unless another worker, or who waits, has it."""
    name = AdvisoryLock.ROLL_UP
    return try_share(connection, name) and try_lock_app(connection, name, app_id)
