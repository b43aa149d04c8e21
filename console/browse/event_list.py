"""Finds the events of a filter, newest first. Each call reads a bounded number of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from console.apps.apps import App
from console.browse.event_filter import EventFilter
from console.cursor import Cursor
from console.reports.names import Names, read_names
from shared.database import Connection, named_rows, run, transaction
from shared.day_files.rows import EventsOfTime, rows_of_receipts, rows_of_time
from shared.ids import receipt_floor

PAGE_EVENTS = 50
# Rows that one call reads for what no index finds: at first a few, most filters need no more.
SCANS = (1_000, 8_000)
SOURCE_SCANS = (500, 4_000)  # each row needs its user's attribution
DEADLINE = "3s"
_AHEAD = timedelta(days=1)  # how far before its event time an event may be received


@dataclass(frozen=True, kw_only=True)
class ListedEvent:
    """An event of the list, with its names. `source` is None until its user is decided."""

    receipt: UUID
    event_time: datetime
    received_at: datetime
    kind: str
    event: str
    event_id: str
    endpoint: str
    user_id: str
    country: str
    amount: Decimal | None
    currency: str | None
    source: str | None
    token: str | None
    status: str


@dataclass(frozen=True)
class EventPage:
    """A page of events.

    `after` is the cursor that continues it, None when there is no more; `read_until` is how far
    back events were read, and `is_partial` tells that reading stopped at its limit, before the page
    was full.
    """

    events: list[ListedEvent]
    after: str | None
    read_until: datetime | None
    is_partial: bool


_COLUMNS = """
    events.receipt, events.event_time, events.received_at, events.kind, events.event_id,
    events.endpoint, events.user_id, events.token_id, events.sale_amount,
    events.sale_amount_currency, coalesce(events.country, '') AS country,
    CASE
        WHEN events.kind = 'open' THEN '__open'
        WHEN events.kind = 'ad_revenue' THEN '__ad_revenue'
        WHEN events.event_type_id IS NOT NULL THEN events.event_type_id::text
        WHEN events.unmapped THEN '__unmapped'
        ELSE events.event_id
    END AS event,
    CASE
        WHEN events.unmapped THEN 'unmapped'
        WHEN NOT events.counted THEN 'repeated'
        WHEN events.would_refuse IS NOT NULL THEN 'would_refuse'
        ELSE 'counted'
    END AS status,
    CASE WHEN %(text)s::text IS NULL THEN true ELSE strpos(lower(concat_ws(
        ' ', events.event_id, events.user_id, events.idempotency_key, events.event_value,
        events.click_id, host(events.ip_address), events.device_ids, events.parameters
    )), %(text)s) > 0 END AS has_text
"""
_BEFORE = """
    events.event_time >= %(begin)s AND events.event_time <= %(time)s
    AND (events.event_time, events.receipt) < (%(time)s, %(receipt)s)
"""
_OF_APP = f"""
    SELECT {_COLUMNS} FROM events
    WHERE app_id = %(app)s AND environment = %(environment)s AND receipt >= %(floor)s AND {_BEFORE}
    ORDER BY events.event_time DESC, events.receipt DESC
    LIMIT %(scan)s
"""
_OF_USER = f"""
    SELECT {_COLUMNS}
    FROM (
        SELECT receipt FROM signals AS events WHERE user_ref = %(user_ref)s AND {_BEFORE}
        ORDER BY event_time DESC, receipt DESC
        LIMIT %(scan)s
    ) AS theirs
    CROSS JOIN LATERAL (SELECT * FROM events WHERE receipt = theirs.receipt OFFSET 0) AS events
    ORDER BY events.event_time DESC, events.receipt DESC
"""
_RECEIPTS_OF_USER = f"""
    SELECT receipt FROM signals AS events WHERE user_ref = %(user_ref)s AND {_BEFORE}
    ORDER BY event_time DESC, receipt DESC
    LIMIT %(scan)s
"""
# The attribution in force at the moment of an event. Fenced, as in the rollups.
_SOURCED = """
    SELECT scanned.*, decided.rule, decided.link_id, decided.source
    FROM scanned
    LEFT JOIN LATERAL (
        SELECT id FROM users
        WHERE app_id = %(app)s AND environment = %(environment)s
          AND users.user_id = scanned.user_id COLLATE "C"
        OFFSET 0
    ) AS users ON true
    LEFT JOIN LATERAL (
        SELECT
            rule,
            CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
            CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
        FROM attributions
        WHERE user_ref = users.id AND superseded_at IS NULL
          AND attributions.event_time <= scanned.event_time
        ORDER BY attributions.event_time DESC, attributions.receipt DESC
        LIMIT 1
    ) AS decided ON true
"""
_WANTED = """
    has_text
    AND (%(event)s::text IS NULL OR event = %(event)s)
    AND (%(status)s::text IS NULL OR status = %(status)s)
    AND (%(country)s::text IS NULL OR country = %(country)s)
    AND (%(token)s::bigint IS NULL OR token_id = %(token)s)
"""
_PAGE = f"""
    , sourced AS ({_SOURCED} WHERE {_WANTED}), page AS (
        SELECT * FROM sourced
        WHERE %(links)s::bigint[] IS NULL
           OR rule IS NOT NULL AND link_id = ANY(%(links)s)
              AND (link_id <> 0 OR source = %(source)s)
        ORDER BY event_time DESC, receipt DESC
        LIMIT %(count)s + 1
    )
    SELECT tail.count AS tail_count, tail.time AS tail_time, tail.receipt AS tail_receipt, page.*
    FROM (
        SELECT
            count(*) AS count, min(event_time) AS time,
            (SELECT receipt FROM scanned ORDER BY event_time, receipt LIMIT 1) AS receipt
        FROM scanned
    ) AS tail
    LEFT JOIN page ON true
    ORDER BY page.event_time DESC, page.receipt DESC
"""
_APP_PAGE = f"WITH scanned AS MATERIALIZED ({_OF_APP}) {_PAGE}"
_USER_PAGE = f"WITH scanned AS MATERIALIZED ({_OF_USER}) {_PAGE}"
_TOKENS = "SELECT id, name FROM tokens WHERE app_id = %s"
_LAST_RECEIPT = UUID(int=2**128 - 1)


def list_events(
    connection: Connection,
    app: App,
    wanted: EventFilter,
    before: Cursor | None = None,
    count: int = PAGE_EVENTS,
) -> EventPage:
    """Returns the newest `count` events of the filter, behind the cursor.

    Raises DatabaseError when it takes longer than DEADLINE.
    """
    start = before or Cursor(wanted.end, _LAST_RECEIPT)
    floor_ms = max(0, int((wanted.begin - _AHEAD).timestamp() * 1000))
    arguments: dict[str, object] = {
        "app": app.id,
        "environment": wanted.environment,
        "begin": wanted.begin,
        "time": min(start.time, wanted.end),
        "receipt": start.id,
        "floor": receipt_floor(floor_ms),
        "count": count,
        **wanted.arguments,
    }
    scans: tuple[int, ...] = (count + 1,)
    if wanted.is_scanned:
        scans = SOURCE_SCANS if wanted.by_source else SCANS
    of_app = EventsOfTime(
        app.id,
        wanted.environment,
        wanted.begin,
        min(start.time, wanted.end),
        receipt_floor(floor_ms),
        before=start.id,
    )
    for scan in scans:
        if wanted.user_ref is None:
            rows = _scan_app(connection, of_app._replace(rows_max=scan), arguments)
        else:
            rows = _scan_user(connection, {**arguments, "scan": scan})
        is_full = rows[0]["receipt"] is not None and len(rows) > count
        if is_full or rows[0]["tail_count"] < scan:
            break
    tokens = dict(run(connection, _TOKENS, (app.id,)).fetchall())
    names = read_names(connection, app)
    events = [*_listed(rows[:count], names, tokens)]
    tail = rows[0]
    if is_full:
        last = events[-1]
        return EventPage(events, str(Cursor(last.event_time, last.receipt)), last.event_time, False)
    if tail["tail_count"] < scan:
        return EventPage(events, None, tail["tail_time"], False)
    cursor = Cursor(tail["tail_time"], tail["tail_receipt"])
    return EventPage(events, str(cursor), tail["tail_time"], True)


def _scan_app(
    connection: Connection, wanted: EventsOfTime, arguments: dict[str, object]
) -> list[dict[str, Any]]:
    with rows_of_time(connection, wanted), transaction(connection):
        _set_deadline(connection)
        return named_rows(connection, _APP_PAGE, {**arguments, "scan": wanted.rows_max})


def _scan_user(connection: Connection, arguments: dict[str, object]) -> list[dict[str, Any]]:
    receipts = [receipt for (receipt,) in run(connection, _RECEIPTS_OF_USER, arguments)]
    with rows_of_receipts(connection, receipts), transaction(connection):
        _set_deadline(connection)
        return named_rows(connection, _USER_PAGE, arguments)


def _set_deadline(connection: Connection) -> None:
    run(connection, "SELECT set_config('statement_timeout', %s, true)", (DEADLINE,))


def _listed(
    rows: list[dict[str, Any]], names: Names, tokens: dict[int, str]
) -> Iterator[ListedEvent]:
    for row in rows:
        if row["receipt"] is None:  # the row of an empty page
            continue
        is_decided = row["rule"] is not None
        yield ListedEvent(
            receipt=row["receipt"],
            event_time=row["event_time"],
            received_at=row["received_at"],
            kind=row["kind"],
            event=names.event(row["event"]),
            event_id=row["event_id"],
            endpoint=row["endpoint"],
            user_id=row["user_id"],
            country=row["country"],
            amount=row["sale_amount"],
            currency=row["sale_amount_currency"],
            source=names.partner(row["link_id"], row["source"]) if is_decided else None,
            token=tokens.get(row["token_id"]),
            status=row["status"],
        )
