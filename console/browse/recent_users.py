"""Finds the users of the latest events, with their source, country, revenue and last event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from console.apps.apps import App
from console.cursor import Cursor
from console.rates import Rates, report_currency
from console.reports.names import read_names
from shared.database import Connection, named_rows, run, transaction
from shared.day_files.rows import EventsOfTime, rows_of_receipts, rows_of_time
from shared.ids import receipt_floor

PAGE_USERS = 25
DAYS_BACK = 28
SCANNED_EVENTS_MAX = 2_000  # the latest, whose users are listed
REVENUE_EVENTS_MAX = 100  # of each user, whose amounts are added up
DEADLINE = "3s"
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class RecentUser:
    """A user with their last event. `source` is None until they are decided.

    `revenue` is the sum of their last REVENUE_EVENTS_MAX events; `has_more` tells that they have
    more events than these. `unconverted` are currencies without a rate, which the sum lacks.
    """

    user_id: str
    first_time: datetime | None
    last_time: datetime
    last_receipt: UUID
    last_event: str
    country: str
    source: str | None
    revenue: Decimal
    unconverted: list[str]
    has_more: bool


@dataclass(frozen=True)
class UserPage:
    """A page of users, with money in `currency`.

    `after` is the cursor that continues it, None when there are no more.
    """

    users: list[RecentUser]
    currency: str
    after: str | None


_LATEST = """
    WITH scanned AS MATERIALIZED (
        SELECT
            receipt, event_time, user_id COLLATE "C" AS user_id, coalesce(country, '') AS country,
            CASE
                WHEN kind = 'open' THEN '__open'
                WHEN kind = 'ad_revenue' THEN '__ad_revenue'
                WHEN event_type_id IS NOT NULL THEN event_type_id::text
                WHEN unmapped THEN '__unmapped'
                ELSE event_id
            END AS event
        FROM events
        WHERE app_id = %(app)s AND environment = %(environment)s AND receipt >= %(floor)s
          AND event_time >= %(begin)s AND event_time <= %(time)s
          AND (event_time, receipt) < (%(time)s, %(receipt)s)
        ORDER BY event_time DESC, receipt DESC
        LIMIT %(scan)s
    ), latest AS (
        SELECT DISTINCT ON (user_id) * FROM scanned ORDER BY user_id, event_time DESC, receipt DESC
    ), page AS MATERIALIZED (
        SELECT latest.*, users.id AS user_ref, users.first_time
        FROM latest
        CROSS JOIN LATERAL (
            SELECT id, first_time FROM users
            WHERE app_id = %(app)s AND environment = %(environment)s
              AND users.user_id = latest.user_id
            OFFSET 0
        ) AS users
        -- Whose last event is newer was on a page before.
        WHERE NOT EXISTS (
            SELECT FROM signals
            WHERE user_ref = users.id
              AND (event_time, receipt) >= (%(time)s, %(receipt)s)
              AND event_time <= %(end)s
        )
        ORDER BY event_time DESC, receipt DESC
        LIMIT %(count)s + 1
    )
    SELECT tail.*, page.*, decided.rule, decided.link_id, decided.source
    FROM (
        SELECT
            count(*) AS tail_count, min(event_time) AS tail_time,
            (SELECT receipt FROM scanned ORDER BY event_time, receipt LIMIT 1) AS tail_receipt
        FROM scanned
    ) AS tail
    LEFT JOIN page ON true
    LEFT JOIN LATERAL (
        SELECT
            rule,
            CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
            CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
        FROM attributions
        WHERE user_ref = page.user_ref AND superseded_at IS NULL
        ORDER BY attributions.event_time DESC, attributions.receipt DESC
        LIMIT 1
    ) AS decided ON true
    ORDER BY page.event_time DESC, page.receipt DESC
"""
_RECEIPTS = """
    SELECT theirs.receipt FROM unnest(%(users)s::bigint[]) AS wanted (user_ref)
    CROSS JOIN LATERAL (
        SELECT receipt FROM signals WHERE signals.user_ref = wanted.user_ref
        ORDER BY event_time DESC, receipt DESC LIMIT %(count)s + 1
    ) AS theirs
"""
_AMOUNTS = """
    SELECT
        wanted.user_ref, theirs.number, events.sale_amount AS amount,
        coalesce(events.sale_amount_currency, '') AS currency, events.event_time::date AS day
    FROM unnest(%(users)s::bigint[]) AS wanted (user_ref)
    CROSS JOIN LATERAL (
        SELECT receipt, row_number() OVER (ORDER BY event_time DESC, receipt DESC) AS number
        FROM signals WHERE signals.user_ref = wanted.user_ref
        ORDER BY event_time DESC, receipt DESC LIMIT %(count)s + 1
    ) AS theirs
    CROSS JOIN LATERAL (
        SELECT sale_amount, sale_amount_currency, event_time FROM events
        WHERE events.receipt = theirs.receipt AND (counted OR kind = 'ad_revenue')
        OFFSET 0
    ) AS events
    WHERE events.sale_amount IS NOT NULL OR theirs.number > %(count)s
"""


def list_recent_users(
    connection: Connection,
    app: App,
    environment: str,
    now: datetime,
    before: Cursor | None = None,
    count: int = PAGE_USERS,
) -> UserPage:
    """Returns the users of the latest events, behind the cursor.

    Raises DatabaseError when it takes longer than DEADLINE.
    """
    end = now + _AHEAD
    start = before or Cursor(end, UUID(int=2**128 - 1))
    begin = start.time - timedelta(days=DAYS_BACK)
    floor = receipt_floor(max(0, int((begin - _AHEAD).timestamp() * 1000)))
    arguments: dict[str, object] = {
        "app": app.id,
        "environment": environment,
        "begin": begin,
        "end": end,
        "time": start.time,
        "receipt": start.id,
        "floor": floor,
        "scan": SCANNED_EVENTS_MAX,
        "count": count,
    }
    latest = EventsOfTime(
        app.id,
        environment,
        begin,
        start.time,
        floor,
        before=start.id,
        rows_max=SCANNED_EVENTS_MAX,
    )
    with rows_of_time(connection, latest), transaction(connection):
        _set_deadline(connection)
        rows = named_rows(connection, _LATEST, arguments)
    tail, shown = rows[0], [row for row in rows if row["receipt"] is not None][:count]
    summed = {"users": [row["user_ref"] for row in shown], "count": REVENUE_EVENTS_MAX}
    receipts = [receipt for (receipt,) in run(connection, _RECEIPTS, summed)]
    with rows_of_receipts(connection, receipts), transaction(connection):
        _set_deadline(connection)
        amounts = named_rows(connection, _AMOUNTS, summed)
    names = read_names(connection, app)
    rates = Rates(report_currency(app.currency))
    users = []
    for row in shown:
        theirs = [amount for amount in amounts if amount["user_ref"] == row["user_ref"]]
        revenue, unconverted = _revenue(theirs, rates)
        is_decided = row["rule"] is not None
        users.append(
            RecentUser(
                user_id=row["user_id"],
                first_time=row["first_time"],
                last_time=row["event_time"],
                last_receipt=row["receipt"],
                last_event=names.event(row["event"]),
                country=row["country"],
                source=names.partner(row["link_id"], row["source"]) if is_decided else None,
                revenue=revenue,
                unconverted=unconverted,
                has_more=any(amount["number"] > REVENUE_EVENTS_MAX for amount in theirs),
            )
        )
    after = None
    if len(rows) > count:
        after = str(Cursor(shown[-1]["event_time"], shown[-1]["receipt"]))
    elif tail["tail_count"] == SCANNED_EVENTS_MAX:
        after = str(Cursor(tail["tail_time"], tail["tail_receipt"]))
    return UserPage(users, rates.target, after)


def _set_deadline(connection: Connection) -> None:
    run(connection, "SELECT set_config('statement_timeout', %s, true)", (DEADLINE,))


def _revenue(amounts: Iterable[dict[str, Any]], rates: Rates) -> tuple[Decimal, list[str]]:
    """Returns the sum in the target currency, and the currencies that it lacks."""
    total, unconverted = Decimal(0), set()
    for row in amounts:
        if row["amount"] is None or row["number"] > REVENUE_EVENTS_MAX:
            continue
        rate = rates.rate(row["currency"], row["day"])
        if rate is None:
            unconverted.add(row["currency"] or "amounts without a currency")
        else:
            total += row["amount"] * rate.value
    return total, sorted(unconverted)
