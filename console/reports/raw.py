"""Exports raw events as they were stored, one JSON object per line, however many there are.

Events are read in the order of event time, one page per statement, so that no transaction stays
open for as long as a client takes to read. An event that arrives meanwhile may or may not be
included.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from console.apps.apps import App
from console.reports.period import Period
from shared.database import Connection, run
from shared.day_files.rows import EventsOfTime, rows_of_time
from shared.event_columns import raw_select

PAGE_ROWS = 1000

# Each event comes with what it is attributed to: the attribution in force at its time.
_PAGE = f"""
SELECT event_time, receipt::text, row_to_json(exported)::text
FROM (
    SELECT
        {raw_select("page")},
        credit.origin_kind AS attributed_by, credit.origin AS attributed_to,
        credit.click_id AS attributed_click_id
    FROM (
        SELECT * FROM events
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND event_time >= %(from)s AND event_time < %(until)s
          AND (event_time, receipt) > (%(from)s, %(after)s::uuid)
        ORDER BY event_time, receipt
        LIMIT %(rows)s
    ) AS page
    LEFT JOIN event_types ON event_types.id = event_type_id
    LEFT JOIN users
        ON users.app_id = page.app_id AND users.environment = page.environment
       AND users.user_id = page.user_id
    LEFT JOIN LATERAL (
        SELECT origin_kind, origin, click_id FROM attributions
        WHERE user_ref = users.id AND superseded_at IS NULL
          AND attributions.event_time <= page.event_time
        ORDER BY attributions.event_time DESC, attributions.receipt DESC LIMIT 1
    ) AS credit ON true
) AS exported
ORDER BY event_time, exported.receipt
"""
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"


def raw_events(
    borrow: Callable[[], AbstractContextManager[Connection]],
    app: App,
    environment: str,
    period: Period,
) -> Iterator[bytes]:
    """Yields pages of whole lines, for the events whose event time is in the period.

    Its days are those of the app; times are in UTC.

    A connection is borrowed for each page and returned before the page is sent.
    """
    since: datetime = app.days.start(period.first)
    until = app.days.end(period.last)
    after = _BEFORE_ALL
    while True:
        arguments = {
            "app_id": app.id,
            "environment": environment,
            "from": since,
            "until": until,
            "after": after,
            "rows": PAGE_ROWS,
        }
        wanted = EventsOfTime(
            app.id, environment, since, until, after=UUID(after), rows_max=PAGE_ROWS
        )
        with borrow() as connection, rows_of_time(connection, wanted):
            page = run(connection, _PAGE, arguments).fetchall()
        yield b"".join(line.encode() + b"\n" for _, _, line in page)
        if len(page) < PAGE_ROWS:
            return
        since, after, _ = page[-1]
