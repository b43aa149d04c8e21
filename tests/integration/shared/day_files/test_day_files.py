"""Day files: events that are moved into files are found as before, or their file is refused."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from console.apps.apps import App
from console.event_records import find_record
from console.pipeline.day_files import adopt_files, verify_files
from console.security.faulty_files import faulty_totals
from shared.database import Connection
from shared.day_files.changes import move_to_table
from shared.day_files.faults import DayFileFault
from shared.day_files.rows import receipts_in_files, rows_of_receipts
from shared.partitions import day_of, has_partition
from tests.integration.counted import store
from tests.integration.shared.day_files.conftest import OLD_DAYS, Close, ago, received
from tests.support.build import ADMIN


def rows(connection: Connection, *receipts: UUID) -> list[tuple[Any, ...]]:
    with rows_of_receipts(connection, receipts):
        return connection.execute(
            b"SELECT * FROM events WHERE receipt = ANY(%s) ORDER BY receipt", (list(receipts),)
        ).fetchall()


def test_events_are_the_same_in_a_file_and_back_in_the_table(
    connection: Connection, shop: App, close: Close
) -> None:
    odd = '",\r\n\\N\t\\"\u2028é\U0001f600\x01'
    events = [
        received(shop, OLD_DAYS, user_id=odd, event_value=odd, parameters={odd: odd, "b": ""}),
        received(shop, OLD_DAYS, event_value="", ip_address="2001:db8::1", user_agent=""),
        received(shop, OLD_DAYS, sale_amount="-0.000001", sale_amount_currency="EUR"),
        received(shop, OLD_DAYS - 0.5, ip_address="81.2.69.142", device_ids={"idfa": "a" * 32}),
        received(shop, 1),
    ]
    store(connection, *events)
    receipts = [event.receipt for event in events]
    before = rows(connection, *receipts)
    records = [find_record(connection, receipt) for receipt in receipts]

    files = close()

    assert sum(file.event_count for file in files) == 4
    assert [file for file in files if file.path.stat().st_size != file.size_bytes] == []
    left = connection.execute(b"SELECT receipt FROM events").fetchall()
    assert left == [(events[-1].receipt,)]
    assert not has_partition(connection, day_of(ago(OLD_DAYS)))
    assert rows(connection, *receipts) == before
    assert [find_record(connection, receipt) for receipt in receipts] == records
    assert receipts_in_files(connection, receipts) == set(receipts[:4])

    for file in files:
        move_to_table(connection, file)
    assert connection.execute(b"SELECT * FROM events ORDER BY receipt").fetchall() == before


def test_a_file_that_is_not_what_was_written_is_refused_by_name(
    connection: Connection, shop: App, close: Close
) -> None:
    event = received(shop, OLD_DAYS)
    store(connection, event)
    [file] = close()
    content = file.path.read_bytes()
    assert verify_files(connection).faulty == []

    file.path.write_bytes(content[:-100] + b"x" + content[-99:])
    with pytest.raises(DayFileFault, match=file.path.name) as damaged:
        find_record(connection, event.receipt)
    assert [each.fault for each in verify_files(connection).faulty] == ["damaged"]
    assert [file.name in each.what for each in faulty_totals(connection, shop)] == [True]

    file.path.unlink()
    with pytest.raises(DayFileFault) as missing:
        find_record(connection, event.receipt)
    assert (damaged.value.fault, missing.value.fault) == ("damaged", "missing")

    newer = file._replace(version=2).path
    newer.write_bytes(content)
    report = adopt_files(connection, ADMIN)
    assert (report.adopted, report.faulty) == (1, [])
    assert find_record(connection, event.receipt) is not None


def test_a_file_that_nobody_knows_is_named(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS))
    close()
    stray = tmp_path / "files" / "stray.parquet"
    stray.write_bytes(b"")

    assert [each.path for each in verify_files(connection).unknown] == [stray]
