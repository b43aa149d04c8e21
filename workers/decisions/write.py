"""Writes decisions: only what differs from what stands, a constant number of statements.

A decision that changed stays, superseded; sessions and days of activity are replaced. What does not
stand is copied: the users are locked, so nobody else writes it meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.database import Connection
from workers.core.history import Moment
from workers.core.sessions import Session
from workers.decisions.diff import Difference
from workers.decisions.stale_hours import touched
from workers.rollups.stale_periods import mark_stale
from workers.sql.copy import Target, copy_new
from workers.sql.copy_lines import document, flag, line, moment, text
from workers.sql.json_rows import write_rows

_SUPERSEDE = """
UPDATE attributions SET superseded_at = now()
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE attributions.user_ref = sent.user_ref AND attributions.receipt = sent.receipt
  AND event_time = 'epoch'::timestamptz + time_ms * interval '1 millisecond'
  AND superseded_at IS NULL
"""

_ATTRIBUTIONS = Target(
    "attributions",
    (
        "user_ref", "event_time", "receipt", "rule", "click_id", "origin_kind", "origin",
        "through", "beaten", "considered", "is_reattribution", "rules_version",
    ),
)  # fmt: skip

_END_SESSIONS = """
DELETE FROM sessions
USING json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = 'epoch'::timestamptz + time_ms * interval '1 millisecond'
"""

_CHANGE_SESSIONS = """
UPDATE sessions SET
    last_activity = 'epoch'::timestamptz + last_ms * interval '1 millisecond',
    opens = sent.opens, events = sent.events
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, time_ms bigint, receipt uuid, last_ms bigint, opens integer, events integer
)
WHERE sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = 'epoch'::timestamptz + time_ms * interval '1 millisecond'
"""

_SESSIONS = Target(
    "sessions",
    ("user_ref", "start_time", "start_receipt", "last_activity", "opens", "events"),
)

_FORGET_DAYS = """
DELETE FROM activity
USING json_to_recordset(%s::json) AS sent (user_ref bigint, day date)
WHERE activity.user_ref = sent.user_ref AND activity.day = sent.day
"""

_DAYS = Target("activity", ("app_id", "environment", "day", "user_ref"))

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
    # What is replaced goes before what replaces it: one attribution is in force at a moment.
    for statement, rows in (
        (_SUPERSEDE, _superseded),
        (_END_SESSIONS, _ended),
        (_CHANGE_SESSIONS, _changed),
        (_FORGET_DAYS, _forgotten_days),
        (_USERS, _users),
    ):
        write_rows(connection, statement, [row for each in differences for row in rows(each)])
    for target, lines in (
        (_ATTRIBUTIONS, _attributed),
        (_SESSIONS, _begun),
        (_DAYS, _new_days),
    ):
        copy_new(connection, target, [row for each in differences for row in lines(each)])
    mark_stale(connection, touched(differences))
    return Counter(one.rule for each in differences for one in each.attributed)


Rows = Iterator[dict[str, object]]
Lines = Iterator[str]


def _superseded(each: Difference) -> Rows:
    for attribution in each.superseded:
        yield {"user_ref": each.case.user.id, **_moment(attribution.moment)}


def _attributed(each: Difference) -> Lines:
    for attribution in each.attributed:
        origin = attribution.origin
        yield line(
            str(each.case.user.id),
            moment(attribution.moment.time_ms),
            attribution.moment.receipt,
            attribution.rule,
            text(attribution.click_id),
            text(origin.kind if origin else None),
            text(origin.name if origin else None),
            text(attribution.through),
            document(attribution.beaten),
            str(attribution.considered),
            flag(attribution.is_reattribution),
            str(attribution.rules_version),
        )


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


def _begun(each: Difference) -> Lines:
    for session in each.begun:
        yield _session_line(each.case.user.id, session)


def _session_line(user: int, session: Session) -> str:
    return line(
        str(user),
        moment(session.start.time_ms),
        session.start.receipt,
        moment(session.last_activity_ms),
        str(session.opens),
        str(session.events),
    )


def _forgotten_days(each: Difference) -> Rows:
    for day in each.forgotten_days:
        yield {"user_ref": each.case.user.id, "day": day}


def _new_days(each: Difference) -> Lines:
    user = each.case.user
    for day in each.new_days:
        yield line(str(user.app_id), user.environment, day.isoformat(), str(user.id))


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
