"""Writes decisions: only what differs from what stands, a constant number of statements.

A decision that changed stays, superseded; sessions and days of activity are replaced.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec

from shared.database import Connection
from shared.stale_periods import mark_stale
from workers.core.decision import Decision
from workers.core.history import Identity
from workers.core.sessions import Session
from workers.history import Case
from workers.questions import as_ms
from workers.stale import Written, touched

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What stands from the start of the tail on and is not decided so any more. `beaten` and
# `considered` are part of a decision: a late click that only lost changes the reasons.
_SUPERSEDE = f"""
UPDATE attributions SET superseded_at = now()
FROM (
    SELECT user_ref, 'epoch'::timestamptz + start_ms * interval '1 millisecond' AS at
    FROM json_to_recordset(%(tails)s::json) AS sent (user_ref bigint, start_ms bigint)
) AS tail
WHERE attributions.user_ref = tail.user_ref AND superseded_at IS NULL
  AND attributions.event_time >= tail.at
  AND NOT EXISTS (
    SELECT FROM json_to_recordset(%(attributions)s::json) AS sent (
        user_ref bigint, time_ms bigint, receipt uuid, rule text, click_id text, origin_kind text,
        origin text, through text, beaten jsonb, considered integer, is_reattribution boolean,
        rules_version integer
    )
    WHERE (sent.user_ref, sent.receipt) = (attributions.user_ref, attributions.receipt)
      AND ROW(sent.rule, sent.click_id, sent.origin_kind, sent.origin, sent.through, sent.beaten,
              sent.considered, sent.is_reattribution, sent.rules_version)
          IS NOT DISTINCT FROM
          ROW(attributions.rule, attributions.click_id, attributions.origin_kind,
              attributions.origin, attributions.through, attributions.beaten,
              attributions.considered, attributions.is_reattribution, attributions.rules_version)
  )
RETURNING attributions.user_ref, {as_ms("attributions.event_time")}, attributions.receipt,
    origin_kind, origin, click_id, is_reattribution
"""  # noqa: S608 - of constants alone

_ATTRIBUTE = f"""
INSERT INTO attributions (
    user_ref, event_time, receipt, rule, click_id, origin_kind, origin, through, beaten,
    considered, is_reattribution, rules_version
)
SELECT user_ref, 'epoch'::timestamptz + time_ms * interval '1 millisecond', receipt, rule,
       click_id, origin_kind, origin, through, beaten, considered, is_reattribution, rules_version
FROM json_to_recordset(%(attributions)s::json) AS sent (
    user_ref bigint, time_ms bigint, receipt uuid, rule text, click_id text, origin_kind text,
    origin text, through text, beaten jsonb, considered integer, is_reattribution boolean,
    rules_version integer
)
ON CONFLICT (user_ref, event_time, receipt) WHERE superseded_at IS NULL DO NOTHING
RETURNING
    user_ref, {as_ms("event_time")}, receipt, origin_kind, origin, click_id, is_reattribution, rule
"""  # noqa: S608 - of constants alone

_END_SESSIONS = f"""
DELETE FROM sessions USING (
    SELECT user_ref, 'epoch'::timestamptz + start_ms * interval '1 millisecond' AS at
    FROM json_to_recordset(%(tails)s::json) AS sent (user_ref bigint, start_ms bigint)
) AS tail
WHERE sessions.user_ref = tail.user_ref AND sessions.start_time >= tail.at
  AND NOT EXISTS (
    SELECT FROM json_to_recordset(%(sessions)s::json) AS sent (user_ref bigint, receipt uuid)
    WHERE (sent.user_ref, sent.receipt) = (sessions.user_ref, sessions.start_receipt)
  )
RETURNING sessions.user_ref, {as_ms("start_time")}
"""  # noqa: S608 - of constants alone

# A row that nobody had before has no xmax: it is a session that started, not one that went on.
_SESSIONS = f"""
WITH written AS (
    INSERT INTO sessions (user_ref, start_time, start_receipt, last_activity, opens, events)
    SELECT user_ref, 'epoch'::timestamptz + start_ms * interval '1 millisecond', receipt,
           'epoch'::timestamptz + last_ms * interval '1 millisecond', opens, events
    FROM json_to_recordset(%(sessions)s::json) AS sent (
        user_ref bigint, start_ms bigint, receipt uuid, last_ms bigint, opens integer,
        events integer
    )
    ON CONFLICT (user_ref, start_time, start_receipt) DO UPDATE SET
        last_activity = excluded.last_activity, opens = excluded.opens, events = excluded.events
    WHERE (sessions.last_activity, sessions.opens, sessions.events)
       <> (excluded.last_activity, excluded.opens, excluded.events)
    RETURNING user_ref, start_time, xmax = 0 AS is_new
)
SELECT user_ref, {as_ms("start_time")} FROM written WHERE is_new
"""  # noqa: S608 - of constants alone

_FORGET_DAYS = """
DELETE FROM activity USING (
    SELECT user_ref, from_day FROM json_to_recordset(%(tails)s::json)
        AS sent (user_ref bigint, from_day date)
) AS tail
WHERE activity.user_ref = tail.user_ref AND activity.day >= tail.from_day
  AND NOT EXISTS (
    SELECT FROM json_to_recordset(%(days)s::json) AS sent (user_ref bigint, day date)
    WHERE (sent.user_ref, sent.day) = (activity.user_ref, activity.day)
  )
RETURNING activity.user_ref, activity.day
"""

_DAYS = """
INSERT INTO activity (app_id, environment, day, user_ref)
SELECT app_id, environment, day, user_ref
FROM json_to_recordset(%(days)s::json)
    AS sent (app_id bigint, environment text, day date, user_ref bigint)
ON CONFLICT DO NOTHING
RETURNING user_ref, day
"""

_USERS = """
UPDATE users SET
    device_ids = sent.device_ids, click_ids = sent.click_ids,
    first_time = coalesce('epoch'::timestamptz + first_ms * interval '1 millisecond', first_time)
FROM json_to_recordset(%(users)s::json) AS sent (
    user_ref bigint, device_ids text[], click_ids text[], first_ms bigint
)
WHERE users.id = sent.user_ref
"""


Rules = Counter[str]


@dataclass(frozen=True)
class Decided:
    """A case and what was decided in it."""

    case: Case
    decision: Decision

    @cached_property
    def active_days(self) -> list[date]:
        """Of the tail's sessions, and of the one before it, which may share the first day."""
        before = self.case.tail.last_session
        sessions = (*((before,) if before else ()), *self.decision.sessions)
        return sorted({day for session in sessions for day in _touched(session)})


def write_decisions(connection: Connection, decided: Sequence[Decided]) -> Rules:
    """In the transaction that holds the users' locks. How many attributions are new, by rule."""
    documents = {
        "tails": [_tail(each) for each in decided],
        "attributions": [row for each in decided for row in _attributions(each)],
        "sessions": [row for each in decided for row in _sessions(each)],
        "days": [row for each in decided for row in _days(each)],
        "users": [_user(each) for each in decided if _changes_user(each)],
    }
    arguments = {name: msgspec.json.encode(rows).decode() for name, rows in documents.items()}

    def written(statement: str) -> list[tuple[Any, ...]]:
        return connection.execute(statement.encode(), arguments).fetchall()

    superseded, attributed = written(_SUPERSEDE), written(_ATTRIBUTE)
    starts = [*written(_END_SESSIONS), *written(_SESSIONS)]
    days = [*written(_FORGET_DAYS), *written(_DAYS)]
    connection.execute(_USERS.encode(), arguments)
    # What was superseded for its reasons alone stands again as it was: nobody's figures change.
    credited = {row[:-1] for row in attributed} ^ set(superseded)
    changes = Written(
        attributions=[(row[0], row[1], row[-1]) for row in credited],
        sessions=[(user, start_ms) for user, start_ms in starts],
        days=[(user, day) for user, day in days],
    )
    cases = {each.case.user.id: each.case for each in decided}
    active_days = {each.case.user.id: each.active_days for each in decided}
    mark_stale(connection, touched(cases, active_days, changes))
    return Counter(row[-1] for row in attributed)


def _tail(each: Decided) -> dict[str, object]:
    case = each.case
    return {
        "user_ref": case.user.id,
        "start_ms": case.start_ms,
        "from_day": _day(case.start_ms),
    }


def _attributions(each: Decided) -> Iterator[dict[str, object]]:
    for attribution in each.decision.attributions:
        origin = attribution.origin
        yield {
            "user_ref": each.case.user.id,
            "time_ms": attribution.moment.time_ms,
            "receipt": attribution.moment.receipt,
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


def _sessions(each: Decided) -> Iterator[dict[str, object]]:
    for session in each.decision.sessions:
        yield {
            "user_ref": each.case.user.id,
            "start_ms": session.start.time_ms,
            "receipt": session.start.receipt,
            "last_ms": session.last_activity_ms,
            "opens": session.opens,
            "events": session.events,
        }


def _days(each: Decided) -> Iterator[dict[str, object]]:
    case = each.case
    for day in each.active_days:
        yield {
            "app_id": case.user.app_id,
            "environment": case.user.environment,
            "day": day,
            "user_ref": case.user.id,
        }


def _changes_user(each: Decided) -> bool:
    return each.decision.first is not None or each.decision.identity != each.case.user.known


def _user(each: Decided) -> dict[str, object]:
    identity: Identity = each.decision.identity
    first = each.decision.first
    return {
        "user_ref": each.case.user.id,
        "device_ids": sorted(identity.device_ids),
        "click_ids": sorted(identity.click_ids),
        "first_ms": first.time_ms if first else None,
    }


def _touched(session: Session) -> Iterator[date]:
    day, last = _day(session.start.time_ms), _day(session.last_activity_ms)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _day(time_ms: int) -> date:
    return (_EPOCH + timedelta(milliseconds=time_ms)).date()
