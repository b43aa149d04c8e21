"""Writes decisions: only what differs from what is stored, in a constant number of statements.

A decision that changed is kept as superseded; sessions and active days are replaced. New rows are
copied: the users are locked, so nobody else writes them meanwhile.
"""

from collections import Counter
from collections.abc import Sequence

from shared.database import Connection
from workers.core.history import Moment
from workers.decisions.diff import Difference
from workers.decisions.run_marks import shift_marks, write_marks
from workers.decisions.stale_hours import touched_periods
from workers.rollups.stale_periods import mark_stale
from workers.sql.copy import Target, copy_new, document, flag, line, moment, text
from workers.sql.expressions import from_ms
from workers.sql.json_rows import write_rows

_SUPERSEDE = f"""
UPDATE attributions SET superseded_at = now()
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE attributions.user_ref = sent.user_ref AND attributions.receipt = sent.receipt
  AND event_time = {from_ms("time_ms")} AND superseded_at IS NULL
"""

_ATTRIBUTIONS = Target(
    "attributions",
    (
        "user_ref", "event_time", "receipt", "rule", "click_id", "origin_kind", "origin",
        "through", "beaten", "considered", "is_reattribution", "rules_version", "compared",
        "certainty",
    ),
)  # fmt: skip

_DELETE_SESSIONS = f"""
DELETE FROM sessions
USING json_to_recordset(%s::json) AS sent (user_ref bigint, time_ms bigint, receipt uuid)
WHERE sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = {from_ms("time_ms")}
"""

_UPDATE_SESSIONS = f"""
UPDATE sessions SET
    last_activity = {from_ms("last_ms")}, opens = sent.opens, events = sent.events
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, time_ms bigint, receipt uuid, last_ms bigint, opens integer, events integer
)
WHERE sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = {from_ms("time_ms")}
"""

_SHIFT_SESSIONS = f"""
UPDATE sessions SET opens = sessions.opens + sent.opens, events = sessions.events + sent.events
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, start_ms bigint, receipt uuid, continues boolean, opens integer, events integer
)
WHERE continues AND sessions.user_ref = sent.user_ref AND start_receipt = sent.receipt
  AND start_time = {from_ms("start_ms")}
"""

_SESSIONS = Target(
    "sessions",
    ("user_ref", "start_time", "start_receipt", "last_activity", "opens", "events"),
)

_DELETE_DAYS = """
DELETE FROM activity
USING json_to_recordset(%s::json) AS sent (user_ref bigint, day date)
WHERE activity.user_ref = sent.user_ref AND activity.day = sent.day
"""

_DAYS = Target("activity", ("app_id", "environment", "day", "user_ref"))

_UPDATE_USERS = f"""
UPDATE users SET
    device_ids = sent.device_ids, click_ids = sent.click_ids,
    first_time = coalesce({from_ms("first_ms")}, first_time)
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, device_ids text[], click_ids text[], first_ms bigint
)
WHERE users.id = sent.user_ref
"""

Rules = Counter[str]


def write_decisions(connection: Connection, differences: Sequence[Difference]) -> Rules:
    """Writes decisions in the transaction that holds the users' locks.

    Returns the number of new attributions by rule.
    """
    _write_attributions(connection, differences)
    _write_sessions(connection, differences)
    _write_days(connection, differences)
    changed: list[dict[str, object]] = [
        {
            "user_ref": difference.user_ref,
            "device_ids": sorted(difference.decision.identity.device_ids),
            "click_ids": sorted(difference.decision.identity.click_ids),
            "first_ms": difference.decision.first.time_ms if difference.decision.first else None,
        }
        for difference in differences
        if difference.changes_user
    ]
    write_rows(connection, _UPDATE_USERS, changed)
    write_marks(connection, [each for each in differences if each.may_have_marks])
    _shift(connection, differences)
    mark_stale(connection, touched_periods(differences))
    return Counter(
        attribution.rule for difference in differences for attribution in difference.attributed
    )


def _write_attributions(connection: Connection, differences: Sequence[Difference]) -> None:
    # Superseded before their successors are copied: one attribution is in force at a moment.
    superseded = [
        _moment_row(difference, attribution.moment)
        for difference in differences
        for attribution in difference.superseded
    ]
    write_rows(connection, _SUPERSEDE, superseded)
    lines = [
        line(
            str(difference.user_ref),
            moment(attribution.moment.time_ms),
            attribution.moment.receipt,
            attribution.rule,
            text(attribution.click_id),
            text(attribution.origin.kind if attribution.origin else None),
            text(attribution.origin.name if attribution.origin else None),
            text(attribution.through),
            document(attribution.beaten),
            str(attribution.considered),
            flag(attribution.is_reattribution),
            str(attribution.rules_version),
            text(attribution.compared),
            text(attribution.certainty),
        )
        for difference in differences
        for attribution in difference.attributed
    ]
    copy_new(connection, _ATTRIBUTIONS, lines)


def _write_sessions(connection: Connection, differences: Sequence[Difference]) -> None:
    ended = [
        _moment_row(difference, start) for difference in differences for start in difference.ended
    ]
    write_rows(connection, _DELETE_SESSIONS, ended)
    changed = [
        {
            **_moment_row(difference, session.start),
            "last_ms": session.last_activity_ms,
            "opens": session.opens,
            "events": session.events,
        }
        for difference in differences
        for session in difference.changed
    ]
    write_rows(connection, _UPDATE_SESSIONS, changed)
    lines = [
        line(
            str(difference.user_ref),
            moment(session.start.time_ms),
            session.start.receipt,
            moment(session.last_activity_ms),
            str(session.opens),
            str(session.events),
        )
        for difference in differences
        for session in difference.begun
    ]
    copy_new(connection, _SESSIONS, lines)


def _shift(connection: Connection, differences: Sequence[Difference]) -> None:
    """Adds to what sessions count that go on behind the windows of these decisions."""
    shifts = [(each.user_ref, each.outcome.shift) for each in differences]
    rows: list[dict[str, object]] = [
        {
            "user_ref": user,
            "start_ms": shift.start.time_ms,
            "receipt": shift.start.receipt,
            "end_ms": shift.end_ms,
            "opens": shift.opens,
            "events": shift.events,
            "continues": shift.continues,
        }
        for user, shift in shifts
        if shift is not None and (shift.opens or shift.events)
    ]
    write_rows(connection, _SHIFT_SESSIONS, rows)
    shift_marks(connection, rows)


def _write_days(connection: Connection, differences: Sequence[Difference]) -> None:
    removed: list[dict[str, object]] = [
        {"user_ref": difference.user_ref, "day": day}
        for difference in differences
        for day in difference.removed_days
    ]
    write_rows(connection, _DELETE_DAYS, removed)
    lines = []
    for difference in differences:
        user = difference.case.user
        lines += [
            line(str(user.app_id), user.environment, day.isoformat(), str(user.id))
            for day in difference.new_days
        ]
    copy_new(connection, _DAYS, lines)


def _moment_row(difference: Difference, at: Moment) -> dict[str, object]:
    return {"user_ref": difference.user_ref, "time_ms": at.time_ms, "receipt": at.receipt}
