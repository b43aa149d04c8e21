"""Marks that Redis has lost are written again from the tables, and then say something again."""

from importlib.resources import files

import pytest

from console.lookup.user_timeline import _ADID
from shared.database import Connection
from shared.device_ids import adid_bytes, adid_of
from shared.events import Environment, Kind
from shared.inbox import APPEND, BatchPart, append_arguments, append_keys, read_append_reply
from shared.redis import Redis
from shared.seen import SeenMarker, device_marker, unique_marker
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.integration.workers.facts.test_unique_events import first, make_type
from tests.support.build import batch, event, now
from tests.support.redis_names import NAMES
from workers.maintenance import restore_seen as restore_seen_module
from workers.maintenance.restore_seen import restore_seen, seen_markers_are_lost

PRODUCTION = Environment.PRODUCTION


def stand(redis: Redis, *asked: SeenMarker) -> list[bool]:
    parts = [BatchPart(batch(event()), 1)]
    keys = append_keys(NAMES, parts, asked, now())
    arguments = append_arguments("", parts, 1, asked)
    added = read_append_reply(redis.register_script(APPEND)(keys=keys, args=arguments))
    assert added is not None
    return added.seen_before


def test_devices_and_unique_events_are_marked_again(bench: Bench) -> None:
    make_type(bench.connection)
    unique = first(bench.connection, 5)
    bench.send([unique, fresh(app_id=unique.app_id, kind=Kind.OPEN, user_id="v")])
    bench.drain()
    bench.redis.flushall()
    assert seen_markers_are_lost(bench.redis)

    assert not restore_seen(bench.connection, bench.redis, now, 10)

    assert not seen_markers_are_lost(bench.redis)
    (kind,) = bench.connection.execute("SELECT id FROM event_types").fetchone() or (0,)
    app = unique.app_id
    assert stand(
        bench.redis,
        device_marker(app, PRODUCTION, "u", 0),
        device_marker(app, PRODUCTION, "v", 0),
        unique_marker(app, PRODUCTION, kind, "u"),
        device_marker(app, PRODUCTION, "w", 0),
        unique_marker(app, PRODUCTION, kind, "v"),
    ) == [True, True, True, False, False]


def test_a_job_whose_time_is_up_goes_on_where_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [fresh(kind=Kind.OPEN, user_id=f"u{number}") for number in range(5)]
    bench.send(users)
    bench.drain()
    monkeypatch.setattr(restore_seen_module, "_PAGE", 2)
    runs = 1
    while restore_seen(bench.connection, bench.redis, now, 0):
        assert not bench.redis.exists(NAMES.markers_complete)
        runs += 1

    assert runs == 4
    known = [device_marker(1, PRODUCTION, one.user_id, 0) for one in users]
    assert stand(bench.redis, *known) == [True] * 5


def test_the_tables_find_a_user_by_the_adid_that_ingest_gives(connection: Connection) -> None:
    users = ["ccb300a0-de1b-4d48-bc7e-599e453b8dd4", "a\\b", "ü\u2028", "'; --", "\\x00"]
    for user in users:
        connection.execute(
            "INSERT INTO users (app_id, environment, user_id) VALUES (7, 'production', %s)", (user,)
        )

    rows = connection.execute(f"SELECT user_id, {_ADID} FROM users".encode())
    assert dict(rows.fetchall()) == {user: adid_bytes(adid_of(7, user)) for user in users}


def test_the_index_of_users_is_over_what_they_are_looked_up_by() -> None:
    assert _ADID.strip() in files("shared").joinpath("schema.sql").read_text()
