"""Tests the raw export: every event once, in order, one page per statement."""

import json
from contextlib import nullcontext
from datetime import UTC, date, datetime

import pytest

from console.apps.apps import App
from console.reports import raw
from console.reports.period import Period
from console.reports.raw import raw_events
from shared.database import Connection
from tests.integration.counted import store
from tests.integration.fresh import fresh

DAY = date(2026, 10, 1)
DAY_MS = 86_400_000
MIDNIGHT_MS = int(datetime.combine(DAY, datetime.min.time(), UTC).timestamp()) * 1000


@pytest.mark.parametrize("page_rows", [1, 2, 3, 1000])
def test_every_event_of_the_days_is_there_once_whatever_the_pages(
    connection: Connection, shop: App, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    """Exports events of which three share a millisecond, and two are outside of the day."""
    times = [-1, 0, 5, 5, 5, DAY_MS - 1, DAY_MS]
    events = [
        fresh(app_id=shop.id, user_id=str(n), event_time_ms=MIDNIGHT_MS + time_ms)
        for n, time_ms in enumerate(times)
    ]
    store(connection, *events)
    monkeypatch.setattr(raw, "PAGE_ROWS", page_rows)

    pages = raw_events(lambda: nullcontext(connection), shop, "production", Period(DAY, DAY))
    lines = [json.loads(line) for page in pages for line in page.splitlines()]

    assert sorted(line["user_id"] for line in lines) == ["1", "2", "3", "4", "5"]
    assert [line["event_time"] for line in lines] == sorted(line["event_time"] for line in lines)
    assert {line["receipt"] for line in lines} == {str(event.receipt) for event in events[1:-1]}


def test_what_senders_wrote_cannot_break_a_line(connection: Connection, shop: App) -> None:
    strange = 'a\nb\r\u2028"c'
    store(connection, fresh(app_id=shop.id, event_value=strange, event_time_ms=MIDNIGHT_MS))

    (line,) = raw_events(lambda: nullcontext(connection), shop, "production", Period(DAY, DAY))

    assert line.count(b"\n") == 1
    assert json.loads(line)["event_value"] == strange
