"""Opens an alert for each condition that holds, ends it when it is over, and notes who hears of it.

An alert ends once its condition has been gone for some minutes, so that one that comes and goes is
told once. A destination hears of it once when it opens and once when it is over. Beyond a number
within an hour messages are withheld, and the page of alerts still has everything.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.alerts.kinds import AlertKind
from shared.clock import Clock
from shared.database import Connection, run, transaction
from shared.redis import Redis
from shared.shards.advisory_locks import AdvisoryLock, try_lock
from workers.alerts.conditions import Condition, Wanted, conditions_of
from workers.alerts.rejection_hours import count_rejections
from workers.sql.json_rows import write_rows

CLEAR_MINUTES_MIN = 5
MESSAGES_PER_HOUR_MAX = 30  # to one destination: nobody reads more
KEPT_DAYS = 90
LIMIT = f"more than {MESSAGES_PER_HOUR_MAX} messages within an hour"

_WANTED = """
SELECT app_id, kinds, silence_minutes FROM alert_destinations
WHERE paused_at IS NULL AND deleted_at IS NULL ORDER BY app_id
"""
# Of an open one the words stay up to date.
_OPEN = """
INSERT INTO alerts (app_id, kind, subject, title, detail)
SELECT app_id, kind, subject, title, detail
FROM json_to_recordset(%s::json) AS seen (
    app_id bigint, kind text, subject text, title text, detail text
)
ORDER BY app_id, kind, subject
ON CONFLICT (app_id, kind, subject) WHERE resolved_at IS NULL DO UPDATE SET
    title = excluded.title, detail = excluded.detail, clear_since = NULL
"""
_CLEAR = """
UPDATE alerts SET clear_since = now()
WHERE resolved_at IS NULL AND clear_since IS NULL AND NOT EXISTS (
    SELECT FROM json_to_recordset(%s::json) AS seen (app_id bigint, kind text, subject text)
    WHERE seen.app_id = alerts.app_id AND seen.kind = alerts.kind
      AND seen.subject = alerts.subject
)
"""
_RESOLVE = f"""
UPDATE alerts SET resolved_at = now()
WHERE resolved_at IS NULL AND clear_since <= now() - interval '{CLEAR_MINUTES_MIN} minutes'
RETURNING id
"""
# A destination that is new hears of what is open. One that was paused hears of what still is.
_TELL_OPENED = """
INSERT INTO alert_messages (alert_id, destination_id, phase, state)
SELECT alerts.id, destinations.id, 'opened', 'waiting'
FROM alerts JOIN alert_destinations AS destinations
  ON destinations.app_id = alerts.app_id AND alerts.kind = ANY(destinations.kinds)
WHERE alerts.resolved_at IS NULL AND alerts.clear_since IS NULL
  AND destinations.paused_at IS NULL AND destinations.deleted_at IS NULL
  AND (alerts.kind <> 'silence' OR alerts.subject = destinations.silence_minutes::text)
ORDER BY alerts.id, destinations.id
ON CONFLICT DO NOTHING
"""
_TELL_RESOLVED = """
INSERT INTO alert_messages (alert_id, destination_id, phase, state)
SELECT alert_id, destination_id, 'resolved', 'waiting'
FROM alert_messages
JOIN alerts ON alerts.id = alert_id
JOIN alert_destinations ON alert_destinations.id = destination_id
WHERE alert_id = ANY(%s) AND phase = 'opened' AND state IN ('waiting', 'delivered')
  AND deleted_at IS NULL AND paused_at IS NULL AND alerts.kind = ANY(kinds)
ON CONFLICT DO NOTHING
"""
_LIMIT = f"""
UPDATE alert_messages SET state = 'withheld', outcome = '{LIMIT}'
FROM (
    SELECT alert_id, destination_id, phase,
           row_number() OVER (PARTITION BY destination_id ORDER BY created_at, alert_id) AS place
    FROM alert_messages
    WHERE created_at > now() - interval '1 hour' AND state <> 'withheld'
) AS counted
WHERE counted.place > {MESSAGES_PER_HOUR_MAX} AND alert_messages.state = 'waiting'
  AND alert_messages.attempts = 0
  AND (alert_messages.alert_id, alert_messages.destination_id, alert_messages.phase)
    = (counted.alert_id, counted.destination_id, counted.phase)
"""
_EXPIRE = f"DELETE FROM alerts WHERE resolved_at < now() - interval '{KEPT_DAYS} days'"


class AlertReport(NamedTuple):
    """The number of conditions that hold, of alerts that ended, and of messages to send."""

    conditions: int
    resolved: int
    messages: int


def evaluate_alerts(connection: Connection, redis: Redis, now: Clock) -> AlertReport:
    """Looks at every app of which somebody wants to hear. Raises DatabaseError, RedisError."""
    with transaction(connection):
        if not try_lock(connection, AdvisoryLock.EVALUATE_ALERTS):
            return AlertReport(0, 0, 0)
        run(connection, _EXPIRE)
        wanted = _wanted(connection)
        if listening := {each.app_id for each in wanted if AlertKind.REJECTIONS in each.kinds}:
            count_rejections(connection, redis, listening, now())
        found = [
            (each.app_id, condition)
            for each in wanted
            for condition in conditions_of(connection, each, now())
        ]
        return _write(connection, found)


def _write(connection: Connection, found: Sequence[tuple[int, Condition]]) -> AlertReport:
    rows = [{"app_id": app_id, **msgspec.structs.asdict(each)} for app_id, each in found]
    write_rows(connection, _OPEN, rows)
    run(connection, _CLEAR, (msgspec.json.encode(rows).decode(),))
    resolved = [alert_id for (alert_id,) in run(connection, _RESOLVE)]
    messages = run(connection, _TELL_OPENED).rowcount
    if resolved:
        messages += run(connection, _TELL_RESOLVED, (resolved,)).rowcount
    if messages:
        run(connection, _LIMIT)
    return AlertReport(len(found), len(resolved), messages)


def _wanted(connection: Connection) -> list[Wanted]:
    """Returns what any destination of each app wants to hear of."""
    kinds: dict[int, set[str]] = defaultdict(set)
    minutes: dict[int, set[int]] = defaultdict(set)
    for app_id, named, silence_minutes in run(connection, _WANTED):
        kinds[app_id].update(named)
        if AlertKind.SILENCE in named:
            minutes[app_id].add(silence_minutes)
    return [
        Wanted(app_id=app_id, kinds=frozenset(named), silence_minutes=frozenset(minutes[app_id]))
        for app_id, named in kinds.items()
    ]
