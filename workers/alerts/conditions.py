"""Looks at what people want to hear of: each condition of an app that holds at the moment."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from shared.alerts.kinds import FAILURES_MIN, TOKEN_EXPIRY_DAYS, AlertKind
from shared.database import Connection, run
from shared.day_files.catalog import FAULTY_FILES
from workers.alerts.usual import USUAL_DAYS, is_silent_though_usual, is_up

CONDITIONS_MAX = 50  # of a kind, for each app
_FLOW_WINDOWS = 12
_UNREADABLE = "unreadable"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that holds. `subject` tells those of one kind apart."""

    kind: AlertKind
    subject: str = ""
    title: str
    detail: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds of which anybody wants to hear, of one app; a silence has each its minutes."""

    app_id: int
    kinds: frozenset[str]
    silence_minutes: frozenset[int]


# Of each window whether it has an event, by event time: a probe of one index each.
_HAD_EVENTS = """
SELECT ARRAY(
    SELECT EXISTS (
        SELECT FROM events
        WHERE app_id = %(app)s AND environment = 'production'
          AND event_time >= began AND event_time < ended
    )
    FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS windows (began, ended, number)
    ORDER BY number
)
"""
# What is sent late has an event time of before.
_HAS_SENDER = """
SELECT EXISTS (
    SELECT FROM tokens WHERE app_id = %s AND NOT test AND last_used_at >= %s
)
"""
# Counted up to a number that no longer matters.
_UNMAPPED = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM events
        WHERE unmapped AND app_id = %(app)s AND environment = 'production'
          AND event_time >= %(hour_ago)s LIMIT 100000
     ) AS unmapped),
    (SELECT count(*) FROM (
        SELECT FROM events
        WHERE app_id = %(app)s AND environment = 'production' AND event_time >= %(hour_ago)s
        LIMIT 100000
     ) AS every),
    (SELECT coalesce(sum(events), 0)::float FROM figures
     WHERE app_id = %(app)s AND environment = 'production' AND grain = 'hour'
       AND event = '__unmapped' AND start >= %(week_ago)s AND start < %(hour_ago)s),
    (SELECT extract(epoch FROM %(now)s - min(start)) / 3600 FROM figures
     WHERE app_id = %(app)s AND environment = 'production' AND grain = 'hour'
       AND start >= %(week_ago)s)
"""
_REJECTED = """
SELECT
    (SELECT coalesce(max(rejected), 0) FROM rejection_hours
     WHERE app_id = %(app)s AND hour >= date_trunc('hour', %(hour_ago)s::timestamptz)),
    (SELECT coalesce(sum(rejected), 0)::float FROM rejection_hours
     WHERE app_id = %(app)s AND hour >= %(week_ago)s
       AND hour < date_trunc('hour', %(hour_ago)s::timestamptz)),
    (SELECT extract(epoch FROM %(now)s - min(hour)) / 3600 FROM rejection_hours
     WHERE app_id = %(app)s AND hour >= %(week_ago)s),
    (SELECT count(*) FROM (
        SELECT FROM events WHERE app_id = %(app)s AND event_time >= %(hour_ago)s LIMIT 100000
     ) AS accepted)
"""
_FAILING = f"""
SELECT id::text, name, failures FROM callback_endpoints
WHERE app_id = %(app)s AND deleted_at IS NULL AND disabled_at IS NULL AND paused_at IS NULL
  AND (failures >= {FAILURES_MIN} OR {FAILURES_MIN} <= (
    SELECT count(*) FROM (
        SELECT FROM callbacks
        WHERE endpoint_id = callback_endpoints.id AND state = 'failed'
          AND attempted_at >= %(hour_ago)s
        LIMIT {FAILURES_MIN}
    ) AS failed
  ))
ORDER BY id LIMIT {CONDITIONS_MAX}
"""
_DISABLED = f"""
SELECT id::text, name, disabled_reason FROM callback_endpoints
WHERE app_id = %(app)s AND deleted_at IS NULL AND disabled_at IS NOT NULL
ORDER BY id LIMIT {CONDITIONS_MAX}
"""
# Nobody knows the app of a batch that is unreadable: it may be anyone's.
_QUARANTINE = """
SELECT coalesce(sum(event_count) FILTER (WHERE app_id IS NOT NULL), 0)::bigint,
       count(*) FILTER (WHERE app_id IS NULL)
FROM quarantine
WHERE (app_id = %(app)s OR app_id IS NULL) AND replayed_at IS NULL
"""
_EXPIRING = f"""
SELECT id::text, name, expires_at FROM tokens
WHERE app_id = %(app)s AND revoked_at IS NULL AND deactivated_at IS NULL
  AND expires_at > %(now)s AND expires_at < %(now)s + interval '{TOKEN_EXPIRY_DAYS} days'
ORDER BY id LIMIT {CONDITIONS_MAX}
"""
_DISABLED_WHY = {"gone": "it answered that it is gone (status 410)"}


def conditions_of(connection: Connection, wanted: Wanted, now_ms: int) -> list[Condition]:
    """Finds the conditions of an app that hold now. Raises DatabaseError."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    arguments = {
        "app": wanted.app_id,
        "now": now,
        "hour_ago": now - timedelta(hours=1),
        "week_ago": now - timedelta(days=USUAL_DAYS),
    }
    looks: dict[AlertKind, Callable[[Connection, dict[str, object]], Iterator[Condition]]] = {
        AlertKind.REJECTIONS: _rejections,
        AlertKind.UNMAPPED: _unmapped,
        AlertKind.CALLBACKS_FAILING: _failing,
        AlertKind.ENDPOINT_DISABLED: _disabled,
        AlertKind.QUARANTINE: _quarantined,
        AlertKind.TOKEN_EXPIRING: _expiring,
        AlertKind.DAY_FILES: _faulty_files,
    }
    found = [
        condition
        for kind, look in looks.items()
        if kind in wanted.kinds
        for condition in look(connection, {**arguments})
    ]
    for minutes in sorted(wanted.silence_minutes):
        found += _silence(connection, wanted.app_id, now, minutes)
    return found


def _silence(
    connection: Connection, app_id: int, now: datetime, minutes: int
) -> Iterator[Condition]:
    span, day = timedelta(minutes=minutes), timedelta(days=1)
    days = [now - number * day for number in range(1, USUAL_DAYS + 1)]

    def had_events(windows: Sequence[tuple[datetime, datetime]]) -> list[bool]:
        begins, ends = zip(*windows, strict=True)
        arguments = {"app": app_id, "begins": list(begins), "ends": list(ends)}
        [(answers,)] = run(connection, _HAD_EVENTS, arguments).fetchall()
        return list(answers)

    # Senders' clocks may be a little ahead.
    [(used_token,)] = run(connection, _HAS_SENDER, (app_id, now - span)).fetchall()
    if used_token or had_events([(now - span, now + day)]) == [True]:
        return
    was_active = had_events([(each - day, each) for each in days])
    at_this_time = had_events([(each - span, each) for each in days])
    ends = [now - number * span for number in range(1, _FLOW_WINDOWS + 1)]
    if is_silent_though_usual(
        was_active, at_this_time, had_events([(end - span, end) for end in ends])
    ):
        yield Condition(
            kind=AlertKind.SILENCE,
            subject=str(minutes),
            title=f"No events for {minutes} minutes",
            detail="At this time of the day there usually are some. Look at the integration check "
            "whether requests arrive and are refused, and at your backend whether it sends.",
        )


def _unmapped(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    [(count, events, sum_before, hours)] = run(connection, _UNMAPPED, arguments).fetchall()
    usual = _hourly(sum_before, hours)
    if is_up(count, usual, events - count):
        yield Condition(
            kind=AlertKind.UNMAPPED,
            title="Unmapped events are up",
            detail=f"{count} events within an hour have a mapping ID without an event type"
            f"{_compared(usual)}. Create the event types: earlier events are taken over.",
        )


def _rejections(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    [(count, sum_before, hours, accepted)] = run(connection, _REJECTED, arguments).fetchall()
    usual = _hourly(sum_before, hours)
    if is_up(int(count), usual, accepted):
        yield Condition(
            kind=AlertKind.REJECTIONS,
            title="Rejected requests are up",
            detail=f"{count} requests were refused within an hour{_compared(usual)}. The "
            "integration check and the rejection log say why.",
        )


def _failing(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    for subject, name, failures in run(connection, _FAILING, arguments):
        many = f"{failures} attempts in a row have failed" if failures >= FAILURES_MIN else (
            f"At least {FAILURES_MIN} callbacks failed for good within an hour"
        )  # fmt: skip
        yield Condition(
            kind=AlertKind.CALLBACKS_FAILING,
            subject=subject,
            title=f"Callbacks to {name} fail",
            detail=f"{many}. The log of callbacks shows each request and its answer.",
        )


def _disabled(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    for subject, name, reason in run(connection, _DISABLED, arguments):
        why = _DISABLED_WHY.get(reason, "it has failed for a day")
        yield Condition(
            kind=AlertKind.ENDPOINT_DISABLED,
            subject=subject,
            title=f"Callback endpoint {name} is disabled",
            detail=f"Waybill disabled it because {why}. What is due for it waits until somebody "
            "resumes it.",
        )


def _quarantined(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    [(count, unreadable)] = run(connection, _QUARANTINE, arguments).fetchall()
    if count:
        yield Condition(
            kind=AlertKind.QUARANTINE,
            title="Events are in quarantine",
            detail=f"{count} events could not be stored. Operations shows why; correct them and "
            "replay them.",
        )
    if unreadable:
        yield Condition(
            kind=AlertKind.QUARANTINE,
            subject=_UNREADABLE,
            title="Batches in quarantine are unreadable",
            detail=f"{unreadable} batches of events could not be read, perhaps because workers "
            "are older than ingest; they may hold events of any app. Upgrade the workers, then "
            "replay them.",
        )


def _expiring(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    for subject, name, expires_at in run(connection, _EXPIRING, arguments):
        yield Condition(
            kind=AlertKind.TOKEN_EXPIRING,
            subject=subject,
            title=f"Token {name} is about to expire",
            detail=f"It expires at {expires_at:%Y-%m-%d %H:%M} UTC and is refused from then on. "
            "Rotate it, or create another one for its sender.",
        )


def _faulty_files(connection: Connection, arguments: dict[str, object]) -> Iterator[Condition]:
    for app_id, count, first, last in run(connection, FAULTY_FILES, arguments):
        yield Condition(
            kind=AlertKind.DAY_FILES,
            subject=str(app_id),
            title="Day files are missing or damaged",
            detail=f"{count} files with events from {first} to {last} cannot be read. "
            "`waybill days verify` names them: bring them back from a copy.",
        )


def _hourly(sum_before: float, hours: float | None) -> float | None:
    """Returns how many there are in a usual hour; None before there was a whole day."""
    return None if hours is None or hours < 24 else sum_before / float(hours)


def _compared(usual: float | None) -> str:
    return "" if usual is None else f"; usually it is {usual:.0f}"
