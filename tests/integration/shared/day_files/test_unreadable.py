"""A day file that cannot be read holds up nothing but what is in it."""

from pathlib import Path

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.switches import change_switches
from console.lookup import conversions
from console.lookup.attributions import AttributionRecord
from console.lookup.conversions import Conversion, find_conversion
from console.privacy.retention import change_retention
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.day_files.catalog import files_of_receipts, list_files
from shared.day_files.changes import move_to_table
from shared.day_files.rows import rows_of_receipts
from shared.events import Event
from shared.ids import new_receipt
from shared.partitions import day_of, has_partition
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.counted import store
from tests.integration.shared.day_files.conftest import OLD_DAYS, Close, ago, received
from tests.integration.shared.day_files.test_writers import PLACE, contents
from tests.support.build import ADMIN
from workers.deliver.outbox_claims import claim
from workers.maintenance.expiry import expire


def test_a_day_is_not_dropped_and_no_version_deleted_while_somebody_reads_old_events(
    connection: Connection, database_url: str, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    move_to_table(connection, file)
    connection.execute(b"DELETE FROM events")
    day = day_of(ago(OLD_DAYS))
    assert has_partition(connection, day)

    with connect(database_url, "tests") as other:
        other.execute(b"SELECT pg_advisory_lock_shared(7246025)")
        close()
        assert (has_partition(connection, day), file.path.exists()) == (True, True)
    close()
    assert (has_partition(connection, day), file.path.exists()) == (False, False)


def test_callbacks_of_other_events_are_claimed_and_those_of_the_file_wait_an_hour(
    connection: Connection, shop: App, close: Close
) -> None:
    old, recent = received(shop, OLD_DAYS), received(shop, 1)
    store(connection, old, recent)
    [file] = close()
    [(endpoint,)] = connection.execute(
        b"INSERT INTO callback_endpoints (app_id, name, activities, method, url)"
        b" VALUES (%s, 'one', '{event}', 'GET', 'https://receiver.example/') RETURNING id",
        (shop.id,),
    ).fetchall()
    ids = {event.receipt: new_receipt(now_ms()) for event in (old, recent)}
    for event in (old, recent):
        connection.execute(
            b"INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
            b" event_time, state) VALUES (%s, %s, %s, 'production', 'event', %s, now(), 'waiting')",
            (ids[event.receipt], endpoint, shop.id, event.receipt),
        )
    content = file.path.read_bytes()
    file.path.unlink()

    assert [each.id for each in claim(connection, {endpoint: 10})] == [ids[recent.receipt]]
    waits = connection.execute(
        b"SELECT attempts, state, due_at - now() > interval '59 minutes' FROM callbacks"
        b" WHERE id = %s",
        (ids[old.receipt],),
    ).fetchall()
    assert waits == [(0, "waiting", True)]

    file.path.write_bytes(content)
    connection.execute(b"UPDATE callbacks SET due_at = now()")
    claimed = {each.id: each.facts for each in claim(connection, {endpoint: 10})}
    assert claimed.keys() == set(ids.values())
    facts = claimed[ids[old.receipt]]
    assert facts is not None
    assert facts.event_id == old.event_id


def _two_files_of_which_one_is_gone(
    connection: Connection, shop: App, close: Close, newest: bool
) -> tuple[Path, bytes]:
    store(connection, received(shop, OLD_DAYS, **PLACE), received(shop, OLD_DAYS + 1, **PLACE))
    files = close()
    assert len(files) == 2
    path = files[-1 if newest else 0].path
    content = path.read_bytes()
    path.unlink()
    return path, content


def test_addresses_of_other_files_are_truncated_and_those_of_one_that_returns(
    connection: Connection, redis: Redis, shop: App, close: Close, tmp_path: Path
) -> None:
    path, content = _two_files_of_which_one_is_gone(connection, shop, close, newest=True)
    resources = Resources(connection, redis, SECRET_KEY)
    change_switches(resources, ADMIN, shop, {"truncate_addresses": True})

    expire(connection, redis, now_ms, 30)

    faults = [(file.path == path, file.fault) for file in list_files(connection)]
    assert faults == [(False, None), (True, "missing")]
    path.write_bytes(content)
    text = contents(connection, tmp_path)
    assert (text.count('"81.2.69.0"'), text.count('"81.2.69.142"')) == (1, 1)
    connection.execute(b"UPDATE day_files SET fault = NULL")
    expire(connection, redis, now_ms, 30)
    assert "81.2.69.142" not in contents(connection, tmp_path)
    assert connection.execute(b"SELECT FROM address_truncations").fetchall() == []


def test_addresses_of_other_files_expire(
    connection: Connection, redis: Redis, shop: App, close: Close, tmp_path: Path
) -> None:
    path, content = _two_files_of_which_one_is_gone(connection, shop, close, newest=False)
    change_retention(connection, ADMIN, shop, {"address_days": 30})

    expire(connection, redis, now_ms, 30)

    path.write_bytes(content)
    assert contents(connection, tmp_path).count('"81.2.69.142"') == 1


def test_events_that_the_table_has_are_read_without_the_files_of_their_day(
    connection: Connection, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    beside: Event = received(shop, OLD_DAYS)
    store(connection, beside)
    connection.execute(
        b"UPDATE day_files SET first_receipt = %s, last_receipt = %s",
        (min(file.first_receipt, beside.receipt), max(file.last_receipt, beside.receipt)),
    )
    file.path.unlink()
    assert files_of_receipts(connection, [beside.receipt])

    with rows_of_receipts(connection, [beside.receipt]):
        rows = connection.execute(
            b"SELECT receipt FROM events WHERE receipt = %s", (beside.receipt,)
        ).fetchall()
    assert rows == [(beside.receipt,)]


@pytest.mark.parametrize("signals_at_once", [1, 1_000])
def test_the_first_conversion_of_a_user_is_found_in_files_a_stretch_at_a_time(
    connection: Connection,
    resources: Resources,
    shop: App,
    close: Close,
    signals_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("level", "Level"))
    opened, other, first = (
        received(shop, OLD_DAYS - at, user_id="u", event_id=name)
        for at, name in ((0, "purchase"), (0.1, "purchase"), (0.2, "level"))
    )
    repeat = received(shop, 1, user_id="u", event_id="level")
    store(connection, opened, other, first, repeat)
    connection.execute(
        b"UPDATE attributions SET rule = 'click_id', click_id = 'c', origin_kind = 'link',"
        b" origin = '1'"
    )
    [(user_ref, time)] = connection.execute(
        b"SELECT user_ref, event_time FROM signals WHERE receipt = %s", (repeat.receipt,)
    ).fetchall()
    [(since, receipt)] = connection.execute(
        b"SELECT event_time, receipt FROM attributions WHERE superseded_at IS NULL"
    ).fetchall()
    attribution = AttributionRecord(
        event_time=since,
        receipt=receipt,
        rule="click_id",
        click_id="c",
        origin="link",
        through=None,
        beaten=[],
        considered=1,
        is_reattribution=False,
        rules_version=1,
        decided_at=since,
        superseded_at=None,
    )
    monkeypatch.setattr(conversions, "SIGNALS_AT_ONCE", signals_at_once)

    def find() -> Conversion | None:
        return find_conversion(connection, user_ref, time, repeat.receipt, attribution)

    before = find()
    assert before == Conversion("Level", first.receipt)
    close()
    assert find() == before
