"""Writes decisions: only what differs from what stands, a constant number of statements.

A decision that changed stays, superseded; sessions and days of activity are replaced.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.database import Connection
from shared.stale_periods import mark_stale
from workers.core.history import Moment
from workers.differences import Difference
from workers.questions import send
from workers.stale import touched

_SUPERSEDE = """
UPDATE attributions SET superseded_at = now()
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE attributions.user_ref = sent.user_ref AND attributions.receipt = sent.receipt
  AND event_time = 'epoch'::timestamptz + time_ms * interval '1 millisecond'
  AND superseded_at IS NULL
"""

_ATTRIBUTE = """
INSERT INTO attributions (
    user_ref, event_time, receipt, rule, click_id, origin_kind, origin, through, beaten,
    considered, is_reattribution, rules_version
)
SELECT user_ref, 'epoch'::timestamptz + time_ms * interval '1 millisecond', receipt, rule,
       click_id, origin_kind, origin, through, beaten, considered, is_reattribution, rules_version
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, time_ms bigint, receipt uuid, rule text, click_id text, origin_kind text,
    origin text, through text, beaten jsonb, considered integer, is_reattribution boolean,
    rules_version integer
)
ON CONFLICT (user_ref, event_time, receipt) WHERE superseded_at IS NULL DO NOTHING
"""

_END_SESSIONS = """
DELETE FROM sessions
USING json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = 'epoch'::timestamptz + time_ms * interval '1 millisecond'
"""

_SESSIONS = """
INSERT INTO sessions (user_ref, start_time, start_receipt, last_activity, opens, events)
SELECT user_ref, 'epoch'::timestamptz + time_ms * interval '1 millisecond', receipt,
       'epoch'::timestamptz + last_ms * interval '1 millisecond', opens, events
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, time_ms bigint, receipt uuid, last_ms bigint, opens integer, events integer
)
ON CONFLICT (user_ref, start_time, start_receipt) DO UPDATE SET
    last_activity = excluded.last_activity, opens = excluded.opens, events = excluded.events
"""

_FORGET_DAYS = """
DELETE FROM activity
USING json_to_recordset(%s::json) AS sent (user_ref bigint, day date)
WHERE activity.user_ref = sent.user_ref AND activity.day = sent.day
"""

_DAYS = """
INSERT INTO activity (app_id, environment, day, user_ref)
SELECT app_id, environment, day, user_ref
FROM json_to_recordset(%s::json)
    AS sent (app_id bigint, environment text, day date, user_ref bigint)
ON CONFLICT DO NOTHING
"""

_USERS = """
UPDATE users SET
    device_ids = sent.device_ids, click_ids = sent.click_ids,
    first_time = coalesce('epoch'::timestamptz + first_ms * interval '1 millisecond', first_time)
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, device_ids text[], click_ids text[], first_ms bigint
)
WHERE users.id = sent.user_ref
"""


Rules = Counter[str]


def write_decisions(connection: Connection, differences: Sequence[Difference]) -> Rules:
    """In the transaction that holds the users' locks. How many attributions are new, by rule."""
    for statement, rows in (
        (_SUPERSEDE, _superseded),
        (_ATTRIBUTE, _attributed),
        (_END_SESSIONS, _ended),
        (_SESSIONS, _changed),
        (_FORGET_DAYS, _forgotten_days),
        (_DAYS, _new_days),
        (_USERS, _users),
    ):
        send(connection, statement, [row for each in differences for row in rows(each)])
    mark_stale(connection, touched(differences))
    return Counter(one.rule for each in differences for one in each.attributed)


Rows = Iterator[dict[str, object]]


def _superseded(each: Difference) -> Rows:
    for attribution in each.superseded:
        yield {"user_ref": each.case.user.id, **_moment(attribution.moment)}


def _attributed(each: Difference) -> Rows:
    for attribution in each.attributed:
        origin = attribution.origin
        yield {
            "user_ref": each.case.user.id,
            **_moment(attribution.moment),
            "rule": attribution.rule,
            "click_id": attribution.click_id,
            "origin_kind": origin.kind if origin else None,
            "origin": origin.name if origin else None,
            "through": attribution.through,
            "beaten": attribution.beaten,
            "considered": attribution.considered,
            "is_reattribution": attribution.is_reattribution,
            "rules_version": attribution.rules_version,
        }


def _ended(each: Difference) -> Rows:
    for start in each.ended:
        yield {"user_ref": each.case.user.id, **_moment(start)}


def _changed(each: Difference) -> Rows:
    for session in each.changed:
        yield {
            "user_ref": each.case.user.id,
            **_moment(session.start),
            "last_ms": session.last_activity_ms,
            "opens": session.opens,
            "events": session.events,
        }


def _forgotten_days(each: Difference) -> Rows:
    for day in each.forgotten_days:
        yield {"user_ref": each.case.user.id, "day": day}


def _new_days(each: Difference) -> Rows:
    user = each.case.user
    for day in each.new_days:
        yield {
            "app_id": user.app_id,
            "environment": user.environment,
            "day": day,
            "user_ref": user.id,
        }


def _users(each: Difference) -> Rows:
    if not each.changes_user:
        return
    identity, first = each.decision.identity, each.decision.first
    yield {
        "user_ref": each.case.user.id,
        "device_ids": sorted(identity.device_ids),
        "click_ids": sorted(identity.click_ids),
        "first_ms": first.time_ms if first else None,
    }


def _moment(moment: Moment) -> dict[str, object]:
    return {"time_ms": moment.time_ms, "receipt": moment.receipt}
