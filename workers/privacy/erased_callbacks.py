"""Tells an app's own systems that a person was erased, so that they can erase them too.

The ids stand in the request of the erasure alone, which forgets them when it is done. It waits for
these callbacks, but not for long: what was not delivered by then is withheld and names nobody.
"""

from collections.abc import Collection
from uuid import UUID

from shared.callbacks.activities import Activity, callback_id
from shared.database import Connection, run, transaction
from workers.core.callbacks import SANDBOX

TELLING_MS_MAX = 3_600_000  # ten attempts are made in days: a person must not wait for an endpoint

_ENDPOINTS = """
SELECT endpoints.id, endpoints.sandbox
FROM callback_endpoints AS endpoints JOIN erasures ON erasures.app_id = endpoints.app_id
WHERE erasures.id = %s AND activities @> ARRAY['erased'] AND partner_id IS NULL
  AND deleted_at IS NULL AND created_at <= requested_at
"""
_INSERT = """
INSERT INTO callbacks (
    id, endpoint_id, app_id, environment, activity, receipt, event_time, state, reason
)
SELECT %s, %s, app_id, %s, 'erased', id, requested_at, %s, %s FROM erasures WHERE id = %s
ON CONFLICT (id) DO NOTHING
"""
# One whose endpoint is paused or disabled is not sent, however long it is waited for.
_IS_WAITING = """
SELECT EXISTS (
    SELECT FROM callbacks JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
    WHERE receipt = %s AND activity = 'erased' AND state = 'waiting'
      AND paused_at IS NULL AND disabled_at IS NULL
)
"""
_WITHHOLD = """
UPDATE callbacks SET state = 'withheld', reason = 'erased'
WHERE receipt = %s AND activity = 'erased' AND state = 'waiting'
"""


def write_erased_callbacks(
    connection: Connection, app_id: int, erasure_id: UUID, environments: Collection[str]
) -> None:
    """Writes what is due of an erasure, in the transaction in which its people were found.

    A person of the sandbox alone is told of as the sandbox's.
    """
    environment = SANDBOX if set(environments) == {SANDBOX} else "production"
    for endpoint_id, hears_sandbox in run(connection, _ENDPOINTS, (erasure_id,)).fetchall():
        number = callback_id(
            (app_id, environment), "", Activity.ERASED, str(erasure_id), endpoint_id
        )
        is_withheld = environment == SANDBOX and not hears_sandbox
        state, reason = ("withheld", SANDBOX) if is_withheld else ("waiting", None)
        run(connection, _INSERT, (number, endpoint_id, environment, state, reason, erasure_id))


def end_erased_callbacks(connection: Connection, erasure_id: UUID, waited_ms: int) -> bool:
    """Tells whether the erasure need not wait any more, and withholds what was not sent by then."""
    with transaction(connection):
        [(is_waiting,)] = run(connection, _IS_WAITING, (erasure_id,)).fetchall()
        if is_waiting and waited_ms < TELLING_MS_MAX:
            return False
        run(connection, _WITHHOLD, (erasure_id,))
    return True
