"""Empties the clicks of a person, and takes them out of the decisions about others.

A click keeps its time, link, campaign and sub ID under a random id, to which the person's
attribution then leads: so what was credited to the link stays credited. Where it was beaten in a
decision about somebody else, it is left out of that decision's list.
"""

from secrets import token_urlsafe

from shared.database import Connection, run
from shared.device_ids import identifying_of
from shared.events import Environment, Event, Kind
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.subject import FoundClick
from workers.decisions.affected_users import affected_users
from workers.privacy.contests import forget_contests_of

PSEUDONYM = "erased:"

_LOCK_CLICKS = """
SELECT environment, click_id, kind, receipt, (extract(epoch FROM event_time) * 1000)::bigint,
       event_time, received_at, host(ip_address), user_agent, device_ids
FROM clicks
WHERE app_id = %(app)s AND environment = %(environment)s AND click_id = %(click)s
FOR UPDATE
"""
_EMPTY_CLICK = """
UPDATE clicks SET
    click_id = %(pseudonym)s, ip_address = NULL, address = NULL, user_agent = NULL,
    device_family = '', device_os = '', device_version = '', device_ids = '{}',
    parameters = (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(parameters)
        WHERE key IN ('campaign', 'campaign_id', 'pub_sub_id')
    )
WHERE app_id = %(app)s AND environment = %(environment)s AND click_id = %(click)s
"""
_DELETE_DEVICE_IDS = """
DELETE FROM click_device_ids
WHERE ((event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10
    = ((%(event_time)s AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10
  AND device_id = ANY(%(device_ids)s) AND app_id = %(app)s AND environment = %(environment)s
  AND event_time = %(event_time)s AND click_id = %(click)s
"""
_DELETE_VIEW_DEVICE_IDS = """
DELETE FROM view_device_ids
WHERE (event_time AT TIME ZONE 'UTC')::date = (%(event_time)s AT TIME ZONE 'UTC')::date
  AND device_id = ANY(%(device_ids)s) AND app_id = %(app)s AND environment = %(environment)s
  AND event_time = %(event_time)s AND click_id = %(click)s
"""
_RENAME_CREDITS = """
UPDATE attributions SET click_id = %(pseudonym)s FROM users
WHERE attributions.click_id = %(click)s AND users.id = user_ref
  AND users.app_id = %(app)s AND users.environment = %(environment)s
"""
# Of others too: whom the click may still be credited to does not change.
_RENAME_USES = """
UPDATE click_uses SET click_id = %(pseudonym)s
WHERE click_id = %(click)s AND app_id = %(app)s AND environment = %(environment)s
"""
# Found by its time: keys have no index by receipt.
_DELETE_KEY = """
DELETE FROM idempotency_keys
WHERE received_at = %(received_at)s AND receipt = %(receipt)s
  AND app_id = %(app)s AND environment = %(environment)s
RETURNING key
"""
_DELETE_CALLBACKS = """
DELETE FROM callbacks
WHERE app_id = %(app)s AND environment = %(environment)s
  AND (click_id = %(click)s OR receipt = %(receipt)s)
"""


def empty_click(connection: Connection, app_id: int, found: FoundClick) -> set[PersonId] | None:
    """Empties a click in the open transaction and returns the ids that were found beside it.

    None if it is gone or was emptied before.
    """
    arguments: dict[str, object] = {
        "app": app_id,
        "environment": found.environment,
        "click": found.click_id,
        "pseudonym": PSEUDONYM + token_urlsafe(12),
    }
    row = run(connection, _LOCK_CLICKS, arguments).fetchone()
    if row is None:
        return None
    _, _, kind, receipt, time_ms, event_time, received_at, address, agent, device_ids = row
    click = Event(
        receipt=receipt,
        received_at_ms=time_ms,
        app_id=app_id,
        token_id=0,
        environment=Environment(found.environment),
        kind=Kind(kind),
        endpoint="",
        user_id="",
        event_id="",
        event_time_ms=time_ms,
        ip_address=address,
        user_agent=agent,
        click_id=found.click_id,
        device_ids=device_ids,
    )
    # Some may have been decided again since every decision was looked at.
    forget_contests_of(connection, found.click_id, affected_users(connection, [click]).all)
    carried = sorted(identifying_of(device_ids))
    for statement in (_DELETE_DEVICE_IDS, _DELETE_VIEW_DEVICE_IDS):
        run(
            connection,
            statement,
            {**arguments, "device_ids": carried, "event_time": event_time},
        )
    run(connection, _RENAME_CREDITS, arguments)
    run(connection, _RENAME_USES, arguments)
    run(connection, _EMPTY_CLICK, arguments)
    keyed = {**arguments, "receipt": receipt, "received_at": received_at}
    return {PersonId(IdKind.KEY, key) for (key,) in run(connection, _DELETE_KEY, keyed)}


def delete_callbacks_of_click(connection: Connection, app_id: int, found: FoundClick) -> int:
    """Deletes the callbacks that name a click or were caused by it; returns their number."""
    arguments = {
        "app": app_id,
        "environment": found.environment,
        "click": found.click_id,
        "receipt": found.receipt,
    }
    return run(connection, _DELETE_CALLBACKS, arguments).rowcount
