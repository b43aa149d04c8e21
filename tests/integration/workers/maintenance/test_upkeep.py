"""Sweep and upkeep: nothing waits unnoticed, nothing is kept for ever."""

import time

from shared.clock import now_ms
from shared.database import Connection, transaction
from shared.publishing import publish_snapshot
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from shared.snapshot import decode_snapshot
from shared.token_use import tokens_used, use_commands
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.support.redis_names import NAMES
from workers.facts.record import record
from workers.maintenance import upkeep


def _published(redis: Redis) -> int:
    data = redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data).version


def _add_token(connection: Connection) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    connection.execute(
        "INSERT INTO tokens (app_id, name, digest, masked, test) "
        "VALUES (1, 't', '\\x01', '…', false)"
    )


def test_an_inbox_that_waits_with_no_drain_is_woken(bench: Bench) -> None:
    bench.send([fresh()])
    assert not upkeep.wake_waiting_inbox(bench.redis)

    time.sleep(upkeep.WAITED_TOO_LONG_MS / 1000)  # the wait itself is what is promised

    assert upkeep.wake_waiting_inbox(bench.redis)
    assert waiting_jobs(bench.redis) == 1
    assert not upkeep.wake_waiting_inbox(bench.redis), "one drain on its way is enough"


def test_a_snapshot_that_redis_lost_is_published_again_with_a_new_version(
    connection: Connection, redis: Redis
) -> None:
    _add_token(connection)
    with transaction(connection):
        lost = publish_snapshot(connection, redis, SECRET_KEY)
    redis.flushall()
    assert upkeep.snapshot_is_lost(redis)

    assert upkeep.restore_snapshot(connection, redis, SECRET_KEY)

    assert not upkeep.snapshot_is_lost(redis)
    assert _published(redis) > lost


def test_a_snapshot_that_is_ahead_of_the_tables_is_put_right(
    connection: Connection, redis: Redis
) -> None:
    """A program may die between publishing and committing."""
    _add_token(connection)
    connection.execute("BEGIN")
    connection.execute("UPDATE tokens SET revoked_at = now()")
    publish_snapshot(connection, redis, SECRET_KEY)
    connection.execute("ROLLBACK")

    assert upkeep.restore_snapshot(connection, redis, SECRET_KEY)
    assert not upkeep.restore_snapshot(connection, redis, SECRET_KEY), "nothing more to do"

    data = redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    assert set(decode_snapshot(data).grants) == {b"\x01"}
    assert int(redis.get(NAMES.snapshot_version) or 0) == _published(redis)


def test_keys_and_duplicates_are_forgotten_after_their_days_and_not_before(bench: Bench) -> None:
    record(bench.connection, [fresh(idempotency_key="old"), fresh(idempotency_key="old")])
    bench.connection.execute(
        "UPDATE idempotency_keys SET received_at = now() - interval '30 days 1 second'"
    )
    bench.connection.execute(
        "UPDATE duplicates SET received_at = now() - interval '30 days 1 second'"
    )
    record(bench.connection, [fresh(idempotency_key="new"), fresh(idempotency_key="new")])

    done = upkeep.upkeep(
        bench.connection, bench.redis, bench.inbox(), SECRET_KEY, upkeep.DaysKept(30, 30), now_ms
    )

    assert (done.keys, done.duplicates) == (1, 1)
    assert bench.connection.execute("SELECT key FROM idempotency_keys").fetchall() == [("new",)]
    assert bench.connection.execute("SELECT count(*) FROM duplicates").fetchone() == (1,)


def _use(redis: Redis, used_at_ms: dict[int, int]) -> None:
    with redis.pipeline() as pipeline:
        use_commands(pipeline, NAMES, used_at_ms)
        pipeline.execute()


def _last_used_ms(connection: Connection) -> int | None:
    row = connection.execute(
        "SELECT (extract(epoch FROM last_used_at) * 1000)::bigint FROM tokens"
    ).fetchone()
    assert row is not None
    used_ms: int | None = row[0]
    return used_ms


def test_when_tokens_were_last_used_is_copied_and_never_set_back(
    connection: Connection, redis: Redis
) -> None:
    _add_token(connection)
    row = connection.execute("SELECT id FROM tokens").fetchone()
    assert row is not None
    (token,) = row

    _use(redis, {token: 1_767_323_045_678, 999_999_999: 1_767_323_045_678})
    assert upkeep.copy_token_use(connection, redis) == 2
    assert tokens_used(redis) == {}
    _use(redis, {token: 1_767_323_045_000})
    assert upkeep.copy_token_use(connection, redis) == 1
    assert upkeep.copy_token_use(connection, redis) == 0

    assert _last_used_ms(connection) == 1_767_323_045_678
