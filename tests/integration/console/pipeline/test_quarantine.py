from itertools import chain
from uuid import UUID

import msgspec
import pytest

from console.audit import list_changes
from console.cursor import Cursor
from console.pipeline.quarantine import (
    count_quarantined,
    find_quarantined,
    list_quarantine,
    older_entries,
    pending_receipts,
    read_quarantined_batch,
    replay,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import OperatorError
from shared.events import Event, encode_event, join_events
from shared.ids import new_receipt
from shared.inbox import measure, read_entry
from shared.redis import Redis, stream_entries
from shared.rq_queue import waiting_jobs
from tests.integration.conftest import SECRET_KEY
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES


def put_aside(connection: Connection, event: Event, wire_version: int = 1) -> None:
    """Quarantines an event as a worker would."""
    connection.execute(
        """
        INSERT INTO quarantine
            (receipt, app_id, reason, detail, events, event_count, wire_version)
        VALUES (%s, %s, 'refused_by_database', 'SQLSTATE 23514', %s, 1, %s)
        """,
        (event.receipt, event.app_id, join_events([encode_event(event)]), wire_version),
    )


def test_an_entry_is_listed_and_shown_with_its_event(connection: Connection, event: Event) -> None:
    put_aside(connection, event)

    (entry,) = list_quarantine(connection, 10)
    batch = read_quarantined_batch(connection, event.receipt)

    assert (entry.receipt, entry.app, entry.detail) == (event.receipt, "Shop", "SQLSTATE 23514")
    assert batch.entry == entry
    assert batch.events is not None
    assert [shown.receipt for shown in batch.events] == [event.receipt]
    assert count_quarantined(connection) == 1


def test_a_batch_of_an_unknown_wire_version_is_shown_raw(
    connection: Connection, event: Event
) -> None:
    put_aside(connection, event, wire_version=99)

    batch = read_quarantined_batch(connection, event.receipt)

    assert batch.events is None
    assert batch.raw == join_events([encode_event(event)])


def test_a_replayed_entry_is_in_the_inbox_as_it_was(resources: Resources, event: Event) -> None:
    connection, redis = resources.connection, resources.redis
    put_aside(connection, event, wire_version=1)

    replay(resources, ADMIN, pending_receipts(connection))

    ((entry_id, fields),) = stream_entries(redis.xrange(NAMES.inbox))
    entry = read_entry(entry_id, fields, 0)
    assert (entry.wire_version, entry.events()) == (1, [event])
    assert measure(redis).events == 1
    assert waiting_jobs(redis) == 1
    assert pending_receipts(connection) == []
    replayed = find_quarantined(connection, event.receipt)
    assert replayed is not None
    assert replayed.replayed_at is not None


def test_an_entry_that_redis_did_not_take_stays_out(
    connection: Connection, broken_redis: Redis, event: Event
) -> None:
    put_aside(connection, event)

    with pytest.raises(OperatorError, match="0 of 1"):
        replay(Resources(connection, broken_redis, SECRET_KEY), ADMIN, [event.receipt])

    assert pending_receipts(connection) == [event.receipt]
    assert "quarantine.replay" not in [each.action for each in list_changes(connection, None, 9)]


def test_an_unknown_receipt_replays_nothing(resources: Resources, event: Event) -> None:
    put_aside(resources.connection, event)

    with pytest.raises(OperatorError, match="not in quarantine"):
        replay(resources, ADMIN, [event.receipt, new_receipt(now_ms())])

    assert measure(resources.redis).events == 0
    assert pending_receipts(resources.connection) == [event.receipt]


def test_the_quarantine_is_read_page_by_page_also_while_it_grows(
    connection: Connection, event: Event
) -> None:
    events = [
        msgspec.structs.replace(event, receipt=receipt)
        for receipt in sorted(new_receipt(event.received_at_ms) for _ in range(5))
    ]
    for each in events:
        put_aside(connection, each)
    connection.execute("UPDATE quarantine SET quarantined_at = '2026-11-01'")

    pages: list[list[UUID]] = []
    before = None
    while len(pages) < 4:
        page = list_quarantine(connection, 2, before)
        pages.append([entry.receipt for entry in page])
        before = older_entries(page, 2)
        if before is None:
            break
        assert before == Cursor.read(str(before))
        put_aside(connection, msgspec.structs.replace(event, receipt=new_receipt(now_ms())))

    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(chain.from_iterable(pages)) == [each.receipt for each in reversed(events)]
