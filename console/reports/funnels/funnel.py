"""Counts the users who reached each step of a funnel, from the events themselves.

A user is in a funnel if they had its first event in the period; what counts is the first time. They
reach the next step with the first such event at or after the step before, until the window ends,
which begins with their first step. Any choice of steps may be asked for, so that no rollup can hold
the answer: a call reads the events of the period and the window once, and refuses to read more than
EVENTS_MAX.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from console.apps.apps import App
from console.reports.bounds import midnight
from console.reports.filters import Split
from console.reports.funnels.funnel_question import FunnelQuestion, FunnelSplit
from console.reports.names import Names, read_names
from console.reports.sums.levels import read_levels
from shared.database import Connection, run, transaction
from shared.day_files.rows import EventsOfTime, rows_of_time
from shared.errors import OperatorError
from shared.ids import receipt_floor
from shared.zones.app_days import AppDays

EVENTS_MAX = 1_000_000  # about 4 s; the rollups say how many there are
DEADLINE = "10s"
NOT_DECIDED = "(not decided yet)"
_AHEAD = timedelta(days=1)  # how far before its event time an event may be received

_EVENTS = """
SELECT coalesce(sum(events), 0) FROM {figures}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start >= %(first_day)s AND start <= %(last_day)s
"""
_SENT = """
sent AS MATERIALIZED (
    SELECT * FROM (
        SELECT
            user_id COLLATE "C" AS user_id, event_time,
            array_position(%(keys)s::text[], CASE
                WHEN kind = 'open' THEN '__open'
                WHEN kind = 'ad_revenue' THEN '__ad_revenue'
                WHEN event_type_id IS NOT NULL THEN event_type_id::text
                WHEN unmapped THEN '__unmapped'
                ELSE event_id
            END) AS step
        FROM events
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND event_time >= %(from)s AND event_time < %(window_end)s
          AND receipt >= %(first_receipt)s  -- reads no partition before it
          AND counted
    ) AS every
    WHERE step IS NOT NULL
), step_1 AS MATERIALIZED (
    SELECT user_id, min(event_time) AS begun, min(event_time) AS reached
    FROM sent WHERE step = 1 AND event_time < %(until)s
    GROUP BY user_id
)
"""
_STEP = """
, step_{number} AS MATERIALIZED (
    SELECT user_id, begun, min(event_time) AS reached
    FROM step_{before} JOIN sent USING (user_id)
    WHERE step = {number} AND event_time >= reached AND event_time <= begun + %(window)s
    GROUP BY user_id, begun
)
"""
_STEPS = (
    _STEP.format(number=2, before=1)
    + _STEP.format(number=3, before=2)
    + _STEP.format(number=4, before=3)
    + _STEP.format(number=5, before=4)
    + _STEP.format(number=6, before=5)
)
_REACHED = """
, came AS (
    SELECT 1 AS step, user_id, begun, reached FROM step_1
    UNION ALL SELECT 2, user_id, begun, reached FROM step_2
    UNION ALL SELECT 3, user_id, begun, reached FROM step_3
    UNION ALL SELECT 4, user_id, begun, reached FROM step_4
    UNION ALL SELECT 5, user_id, begun, reached FROM step_5
    UNION ALL SELECT 6, user_id, begun, reached FROM step_6
)
"""
# The attribution in force at the first step, as reports attribute an event. Fenced, as in rollups.
_ORIGINS = """
, origins AS MATERIALIZED (
    SELECT
        step_1.user_id,
        CASE
            WHEN rule IS NULL THEN -1
            WHEN origin_kind = 'link' THEN origin::bigint
            ELSE 0
        END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
    FROM step_1
    LEFT JOIN LATERAL (
        SELECT id FROM users
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND users.user_id = step_1.user_id
        OFFSET 0
    ) AS users ON true
    LEFT JOIN LATERAL (
        SELECT rule, origin_kind, origin FROM attributions
        WHERE user_ref = users.id AND superseded_at IS NULL AND event_time <= begun
        ORDER BY event_time DESC, receipt DESC
        LIMIT 1
    ) AS decided ON true
)
"""
_SUMS = "step, count(*), sum(extract(epoch FROM reached - begun))"
_TOTAL = f"WITH {_SENT} {_STEPS} {_REACHED} SELECT 0, '', {_SUMS} FROM came GROUP BY step"
_BY_ORIGIN = f"""
WITH {_SENT} {_STEPS} {_REACHED} {_ORIGINS}
SELECT link_id, source, {_SUMS}
FROM came JOIN origins USING (user_id)
WHERE %(link_ids)s::bigint[] IS NULL
   OR link_id = ANY(%(link_ids)s) AND (link_id <> 0 OR source = %(source)s)
GROUP BY link_id, source, step
"""


@dataclass(frozen=True)
class FunnelRow:
    """The users who reached each step, and their mean time from the first step to it in seconds.

    The time is None where nobody came. `name` is '' of all users.
    """

    name: str
    users: tuple[int, ...]
    seconds: tuple[float | None, ...]


@dataclass(frozen=True)
class Funnel:
    """The answer to a question about a funnel, with a row for each name it is broken down by."""

    question: FunnelQuestion
    total: FunnelRow
    rows: list[FunnelRow]


def read_funnel(connection: Connection, app: App, question: FunnelQuestion) -> Funnel:
    """Returns how far users came.

    Raises OperatorError when a step or a partner does not exist, or for more than EVENTS_MAX
    events, and DatabaseError when it takes longer than DEADLINE.
    """
    question = replace(question, time_zone=app.time_zone)
    names = read_names(connection, app)
    source = None if question.partner is None else names.partner_filter(question.partner)
    bounds = _bounds(question)
    arguments: dict[str, object] = {
        "app_id": app.id,
        "environment": question.environment,
        "keys": [names.event_key(step) for step in question.steps],
        **bounds,
        "link_ids": source and list(source.link_ids),
        "source": source and source.source,
    }
    by_origin = source is not None or question.split is not FunnelSplit.NONE
    read = EventsOfTime(
        app.id, question.environment, bounds["from"], bounds["window_end"], bounds["first_receipt"]
    )
    _check_size(connection, arguments)
    with rows_of_time(connection, read), transaction(connection):
        run(connection, "SELECT set_config('statement_timeout', %s, true)", (DEADLINE,))
        # Each step is a join of thousands, though statistics may not know of the events yet.
        run(connection, "SELECT set_config('enable_nestloop', 'off', true)")
        rows = run(connection, _BY_ORIGIN if by_origin else _TOTAL, arguments).fetchall()
    users: defaultdict[str, dict[int, tuple[int, float]]] = defaultdict(dict)
    for link_id, origin, step, count, seconds in rows:
        for name in {"", _name(names, question.split, link_id, origin)}:
            so_far = users[name].get(step, (0, 0.0))
            users[name][step] = (so_far[0] + count, so_far[1] + float(seconds))
    total = _row(question, "", users.pop("", {}))
    of_names = [_row(question, name, reached) for name, reached in users.items()]
    of_names.sort(key=lambda row: (-row.users[0], row.name))
    return Funnel(question, total, of_names)


def _bounds(question: FunnelQuestion) -> Mapping[str, Any]:
    days, period = AppDays(question.time_zone), question.period
    begin, until = days.start(period.first), days.end(period.last)
    # A step at the last moment of the window still counts.
    window_end = until + question.window + timedelta(microseconds=1)
    floor_ms = max(0, int((begin - _AHEAD).timestamp() * 1000))
    return {
        "from": begin,
        "until": until,
        "window": question.window,
        "window_end": window_end,
        "first_day": midnight(period.first),
        "last_day": midnight(days.day_of(window_end)),
        "first_receipt": receipt_floor(floor_ms),
    }


def _check_size(connection: Connection, arguments: Mapping[str, Any]) -> None:
    statement = _EVENTS.format(figures=read_levels(connection).figures_by({Split.EVENT}))
    row = run(connection, statement, arguments).fetchone()
    assert row is not None
    if row[0] > EVENTS_MAX:
        raise OperatorError(
            f"The funnel would read {int(row[0]):,} events, and reads at most {EVENTS_MAX:,}. "
            "Choose fewer days or a shorter window."
        )


def _name(names: Names, split: FunnelSplit, link_id: int, source: str) -> str:
    if split is FunnelSplit.NONE:
        return ""
    if link_id < 0:
        return NOT_DECIDED
    if split is FunnelSplit.PARTNER:
        return names.partner(link_id, source)
    return names.link(link_id, source)


def _row(
    question: FunnelQuestion, name: str, reached: Mapping[int, tuple[int, float]]
) -> FunnelRow:
    places = range(1, len(question.steps) + 1)
    counts = [reached.get(place, (0, 0.0)) for place in places]
    return FunnelRow(
        name,
        tuple(users for users, _ in counts),
        tuple(round(seconds / users, 3) if users else None for users, seconds in counts),
    )
