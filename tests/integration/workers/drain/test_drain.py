"""The drain: every accepted event is in a table exactly once, whatever happens on the way."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from shared import metrics
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.inbox import append, measure
from shared.redis import connect as connect_redis
from shared.rq_queue import JobTimeout, enqueue, waiting_jobs
from shared.settings import read_settings
from shared.tally import Tally
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import CLAIM_IDLE_MS, Bench, refusing
from tests.support.redis_names import NAMES
from workers import jobs
from workers.core.decision import Decision, decide
from workers.decisions.decide_due import decide_due
from workers.drain.drain import Drain, DrainLimits, DrainRequests
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.group_store import LANE_PATIENCE
from workers.drain.held_groups import HeldGroups
from workers.facts.record import Recorded, record
from workers.patient_database import Database
from workers.process import WorkerStores

SEARCHING = DrainLimits(2000, 40, 3, linger_ms=20)  # for an event at fault, which is tried for 4 s


def _until(condition: Callable[[], bool], seconds_max: float = 10) -> None:
    ends_at = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < ends_at, "it did not come to pass in time"
        time.sleep(0.02)


def _events(count: int) -> list[Event]:
    return [fresh() for _ in range(count)]


def test_every_event_of_the_inbox_becomes_one_row(bench: Bench) -> None:
    batches = [_events(7) for _ in range(100)]
    bench.send(*batches)

    recorded = bench.drain()

    assert recorded == Recorded(events=700)
    sent = sorted(str(event.receipt) for batch in batches for event in batch)
    assert bench.receipts("events") == sent
    assert measure(bench.redis).events == 0
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_single_events_share_a_transaction_by_the_hundreds(bench: Bench) -> None:
    """As few senders leave them: an entry each."""
    bench.send(*([event] for event in _events(400)))
    tally = Tally()

    assert bench.drain(counts=DrainMetrics(tally)) == Recorded(events=400)

    assert sum(tally.histogram(metrics.DRAIN_EVENTS).counts) == 1


def test_a_delivery_is_called_for_while_the_drain_goes_on(bench: Bench) -> None:
    """After each transaction, of which callbacks may have become due."""
    bench.send(*(_events(2) for _ in range(3)))
    left: list[int] = []
    requests = DrainRequests(
        bench.asked.clear, bench.asked.clear, lambda: left.append(measure(bench.redis).events)
    )
    limits = DrainLimits(2, 10, 3, linger_ms=20)

    Drain(bench.inbox(), bench.lanes, limits, requests, lambda: False).run()

    assert len(left) == 3
    assert left[0] > 0
    assert left[-1] == 0


def test_a_batch_that_is_delivered_twice_is_stored_once(bench: Bench) -> None:
    batch = _events(5)
    bench.send(batch, batch)

    bench.drain()

    assert bench.receipts("events") == sorted(str(event.receipt) for event in batch)


def test_what_a_silent_worker_held_is_taken_over(bench: Bench) -> None:
    bench.send(_events(3))
    assert len(bench.inbox("dead").read(None)) == 1
    assert bench.drain() == Recorded()

    time.sleep(CLAIM_IDLE_MS / 1000 + 0.05)  # the silence itself is what is waited for

    assert bench.drain() == Recorded(events=3)


def test_what_an_earlier_job_of_the_same_worker_held_is_taken_up_at_once(bench: Bench) -> None:
    bench.send(_events(3))
    bench.inbox().read(None)

    assert bench.drain() == Recorded(events=3)


def test_a_claim_stays_fresh_while_the_work_takes_long(bench: Bench) -> None:
    bench.send(_events(1))
    mine = bench.inbox("mine")
    entries = mine.read(None)

    with mine.hold(entries):
        time.sleep(3 * CLAIM_IDLE_MS / 1000)
        assert bench.inbox("other").claim_abandoned() == []

    mine.ack(entries)
    assert measure(bench.redis).events == 0


def test_settling_twice_counts_once(bench: Bench) -> None:
    bench.send(_events(4), _events(2))
    inbox = bench.inbox()
    first, second = inbox.read(None)

    inbox.ack([first])
    inbox.ack([first])

    assert measure(bench.redis).events == second.count


def test_the_flag_is_given_up_before_the_last_look(bench: Bench) -> None:
    """Else an event that came in between would wait for the sweep."""
    bench.send(_events(1))
    assert bench.redis.exists(NAMES.wake)

    bench.drain()

    assert not bench.redis.exists(NAMES.wake)


def test_a_drain_whose_time_is_up_asks_for_another_and_loses_nothing(bench: Bench) -> None:
    bench.send(*[_events(1) for _ in range(200)])

    recorded = bench.drain(limits=DrainLimits(10, 0, 3, 20))

    assert bench.asked == ["worker"]
    assert recorded.events + measure(bench.redis).events == 200


def test_a_drain_whose_time_is_up_goes_on_though_other_jobs_wait(
    bench: Bench, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the inbox is left to the sweep whenever the clock has asked for something."""
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WAYBILL_SECRET_KEY": "a key of the tests, long enough to be one",
    }
    stores = WorkerStores(read_settings(variables))
    monkeypatch.setattr(jobs, "process_stores", lambda: stores)
    monkeypatch.setattr(jobs, "is_stopping", lambda: True)
    enqueue(bench.redis, "sweep")
    bench.send(_events(3))

    jobs.drain()
    stores.database.close()
    stores.redis.close()

    assert waiting_jobs(bench.redis) == 2
    assert measure(bench.redis).events == 3


def test_a_long_backlog_asks_for_another_worker(bench: Bench) -> None:
    bench.send(*[_events(5) for _ in range(10)])

    bench.drain(limits=DrainLimits(10, 10, 3, 20))

    assert bench.asked


def test_a_worker_that_is_asked_to_stop_ends_after_its_batch(bench: Bench) -> None:
    bench.send(*[_events(1) for _ in range(10)])

    bench.drain(stopping=lambda: True)

    assert bench.asked == ["worker"]


def test_a_batch_that_cannot_be_read_stands_in_quarantine_whole(bench: Bench) -> None:
    append(bench.redis, b"\xc1 not a batch", 3)
    bench.send(_events(2))

    recorded = bench.drain()

    assert recorded == Recorded(events=2, quarantined=3)
    row = bench.connection.execute(
        "SELECT reason, events, event_count, app_id FROM quarantine"
    ).fetchone()
    assert row == ("unreadable", b"\xc1 not a batch", 3, None)


def test_a_batch_of_a_newer_wire_form_is_kept_with_its_version(bench: Bench) -> None:
    append(bench.redis, b"of tomorrow", 1, wire_version=99)

    bench.drain()

    row = bench.connection.execute("SELECT reason, wire_version FROM quarantine").fetchone()
    assert row == ("unreadable", 99)


@pytest.mark.parametrize("killer", [0, 3, 6])
def test_the_event_that_kills_its_worker_is_found_and_its_neighbours_are_stored(
    bench: Bench, killer: int
) -> None:
    batch = _events(7)
    bench.send(batch)
    inbox = bench.inbox()
    (entry,) = inbox.read(None)
    for _ in range(3):
        (entry,) = inbox.claim_own()
    assert entry.deliveries == 4
    # As the worker that died left it: one by one up to the killer, which it was trying.
    inbox.note_suspect(entry, killer)

    recorded = bench.drain()

    assert recorded == Recorded(events=6, quarantined=1)
    assert bench.receipts("quarantine") == [str(batch[killer].receipt)]
    assert len(bench.receipts("events")) == 6


def _die_when_trying(bench: Bench, index: int, deliveries: int) -> None:
    """Leaves the only entry as a worker left it that died with this event, one delivery later."""
    inbox = bench.inbox()
    inbox.read(None)
    entry, *_ = inbox.claim_own()
    for _ in range(deliveries - 3):
        (entry,) = inbox.claim_own()
    inbox.note_suspect(entry, index)


def _opening(user: str, at_ms: int) -> Event:
    return fresh(user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms)


def _rows(bench: Bench, query: str) -> list[tuple[Any, ...]]:
    return bench.connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("kind", ["event", "click", "duplicate"])
def test_what_is_stored_is_never_called_a_killer(bench: Bench, kind: str) -> None:
    suspect = {
        "event": fresh(),
        "click": fresh(kind=Kind.CLICK, user_id="", event_id="", click_id="c"),
        "duplicate": fresh(idempotency_key="k"),
    }[kind]
    first = [fresh(idempotency_key="k")] if kind == "duplicate" else []
    record(bench.connection, [*first, suspect])
    bench.send([fresh(), suspect, fresh()])
    _die_when_trying(bench, 1, deliveries=4)

    assert bench.drain().quarantined == 0

    assert bench.receipts("quarantine") == []
    assert bench.redis.xlen(NAMES.inbox) == 0
    assert bench.redis.exists(NAMES.suspects) == 0


def test_a_worker_that_dies_between_the_facts_and_the_decision_leaves_the_decision_to_the_next(
    bench: Bench,
) -> None:
    at_ms = now_ms() - 3_600_000
    bench.send([_opening("ann", at_ms)])
    bench.drain()
    second = _opening("ann", at_ms + 1000)
    record(bench.connection, [second])
    bench.send([second])
    _die_when_trying(bench, 0, deliveries=4)

    bench.drain()

    assert _rows(bench, "SELECT opens FROM sessions") == [(2,)]
    assert bench.receipts("quarantine") == []


def test_users_whose_decision_keeps_killing_workers_are_set_aside(bench: Bench) -> None:
    killer, other = _opening("ann", now_ms() - 1000), _opening("ben", now_ms() - 1000)
    record(bench.connection, [killer])
    bench.send([killer, other])
    _die_when_trying(bench, 0, deliveries=7)

    bench.drain()

    aside = "SELECT user_id, fault FROM set_aside_users JOIN users ON users.id = user_ref"
    assert _rows(bench, aside) == [("ann", "WorkerDied")]
    decided = "SELECT user_id FROM sessions JOIN users ON users.id = user_ref"
    assert _rows(bench, decided) == [("ben",)]
    assert bench.receipts("quarantine") == []
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_an_event_that_raises_an_exception_is_not_suspected_of_killing(bench: Bench) -> None:
    """The worker lives: a later death of it has another cause."""
    batch = _events(3)
    bench.send(batch)
    _die_when_trying(bench, 2, deliveries=4)

    def failing(*_history: object) -> Decision:
        raise JobTimeout

    with pytest.raises(JobTimeout):
        bench.drain(decide=failing)
    assert bench.redis.exists(NAMES.suspects) == 0

    assert bench.drain().quarantined == 0
    assert bench.receipts("events") == sorted(str(event.receipt) for event in batch)


def test_a_stored_event_that_the_tables_refuse_now_stays_out_of_quarantine(bench: Bench) -> None:
    stored = fresh(user_id="refused")
    record(bench.connection, [stored])
    bench.send([stored, fresh()])
    with refusing(bench.connection, "22023"):
        bench.drain()

    assert bench.receipts("quarantine") == []
    assert len(bench.receipts("events")) == 2
    assert bench.redis.xlen(NAMES.inbox) == 0


@pytest.mark.parametrize("state", ["57P01", "57P02", "57014", "08006"])
def test_an_event_that_postgresql_breaks_off_each_time_goes_to_quarantine_alone(
    bench: Bench, state: str
) -> None:
    batch = [*_events(5), fresh(user_id="refused"), *_events(6)]
    bench.send(batch[:8], batch[8:])
    with refusing(bench.connection, state):
        recorded = bench.drain(limits=SEARCHING)

    assert recorded == Recorded(events=11, quarantined=1)
    assert _rows(bench, "SELECT receipt, reason, detail FROM quarantine") == [
        (batch[5].receipt, "refused_by_database", f"SQLSTATE {state}, 5 tries")
    ]
    innocent = [event for event in batch if event is not batch[5]]
    assert bench.receipts("events") == sorted(str(event.receipt) for event in innocent)
    assert bench.redis.xlen(NAMES.inbox) == 0


@pytest.mark.parametrize("state", ["0A000", "XX000", "P0001"])
@pytest.mark.parametrize("position", [0, 3])
def test_an_event_whose_fault_cannot_be_told_ends_in_quarantine_alone(
    bench: Bench, state: str, position: int
) -> None:
    batch = _events(5)
    batch[position] = fresh(user_id="refused")
    bench.send(batch)
    drains = 0
    with refusing(bench.connection, state):
        while bench.redis.xlen(NAMES.inbox):
            drains += 1
            assert drains <= 8, "it is delivered for ever"
            with suppress(psycopg.Error):
                bench.drain()

    [(receipt, reason, detail)] = _rows(bench, "SELECT receipt, reason, detail FROM quarantine")
    assert (receipt, reason) == (batch[position].receipt, "refused_by_database")
    assert detail == f"SQLSTATE {state}, {drains} deliveries"
    innocent = [event for event in batch if event is not batch[position]]
    assert bench.receipts("events") == sorted(str(event.receipt) for event in innocent)


def test_a_prepared_statement_of_a_table_that_was_migrated_blames_no_event(bench: Bench) -> None:
    batch = _events(3)
    bench.send(batch)
    failures = [True, False]

    def migrated(*history: Any) -> Decision:
        if failures and failures.pop(0):
            _use_outdated_plan(bench.connection)
        return decide(*history)

    assert bench.drain(decide=migrated) == Recorded(events=3)
    assert _rows(bench, "SELECT count(*) FROM set_aside_users") == [(0,)]
    assert bench.receipts("quarantine") == []


def _use_outdated_plan(connection: Connection) -> None:
    connection.execute("CREATE TEMP TABLE planned (a int)")
    try:
        connection.execute("PREPARE planned AS SELECT * FROM planned")
        connection.execute("ALTER TABLE planned ADD COLUMN b int")
        connection.execute("EXECUTE planned")
    finally:
        connection.execute("DEALLOCATE planned")
        connection.execute("DROP TABLE planned")


def test_an_event_that_ends_its_session_goes_to_quarantine_alone(bench: Bench) -> None:
    """Not an error that a trigger raises: the connection is gone."""
    batch = [*_events(2), fresh(user_id="refused"), *_events(2)]
    bench.send(batch)
    with refusing(
        bench.connection, "57P01", action="PERFORM pg_terminate_backend(pg_backend_pid())"
    ):
        bench.drain(limits=SEARCHING)

    assert bench.receipts("quarantine") == [str(batch[2].receipt)]
    assert len(bench.receipts("events")) == 4
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_waiting_for_postgresql_is_no_delivery(bench: Bench) -> None:
    bench.send(_events(2))
    inbox = bench.inbox()
    entries = inbox.read(None)

    inbox.reset_deliveries(entries)

    (entry,) = inbox.claim_own()
    assert entry.deliveries == 1


def test_an_inbox_whose_group_is_gone_is_drained_all_the_same(bench: Bench) -> None:
    bench.send(_events(1))
    bench.drain()
    bench.redis.flushall()
    bench.send(_events(2))

    assert bench.drain() == Recorded(events=2)


def test_a_worker_that_is_gone_is_forgotten_only_when_it_holds_nothing(bench: Bench) -> None:
    bench.send(_events(1))
    bench.drain("idle")
    bench.send(_events(1))
    bench.inbox("holds").read(None)
    _until(lambda: bench.inbox().delete_consumers(silent_ms=0) > 0)

    names = {consumer["name"] for consumer in bench.redis.xinfo_consumers(NAMES.inbox, "drain")}
    assert names == {b"holds"}


def test_two_workers_share_one_inbox_without_storing_anything_twice(
    bench: Bench, redis_url: str
) -> None:
    batches = [_events(10) for _ in range(60)]
    bench.send(*batches)
    first, second = bench.inbox("first").read(None), bench.inbox("second").read(None)

    assert not {entry.id for entry in first} & {entry.id for entry in second}
    bench.drain("first")
    bench.drain("second")
    with connect_redis(redis_url, NAMES) as other:
        assert measure(other).events == 0
    assert len(bench.receipts("events")) == 600


LOCKED = "SELECT FROM users WHERE user_id = 'locked' FOR UPDATE"


def _stored_users(bench: Bench) -> set[str]:
    return {user for (user,) in _rows(bench, "SELECT user_id FROM events")}


def _drain_while(bench: Bench, seconds: float) -> list[float]:
    """Sends an event of somebody else every 100 ms, and returns how long each took to its row."""
    delays: list[float] = []
    ends_at, limits = time.monotonic() + seconds, DrainLimits(2000, 1, 3, linger_ms=20)
    held = HeldGroups()
    while time.monotonic() < ends_at:
        sent_at = time.monotonic()
        other = fresh(user_id=f"other-{len(delays)}")
        bench.send([other, fresh(user_id="locked")])
        while str(other.receipt) not in bench.receipts("events"):
            bench.drain(limits=limits, held=held)
        delays.append(time.monotonic() - sent_at)
        time.sleep(0.1)
    bench.drain(limits=limits, held=held)
    return delays


def test_a_user_whose_row_is_locked_keeps_nobody_waiting_and_is_decided_afterwards(
    bench: Bench, database_url: str
) -> None:
    bench.send([_opening("locked", now_ms() - 1000)])
    bench.drain()
    with psycopg.connect(database_url) as other:
        other.execute(LOCKED.encode())

        delays = _drain_while(bench, 8)
        began_at = time.monotonic()
        decide_due(bench.connection, 1)

        assert time.monotonic() - began_at < 2, "the job waits for the lock"
        assert max(delays) < 5
        assert bench.redis.xlen(NAMES.inbox) == 0, "facts need no lock of their user"
        other.rollback()
    decide_due(bench.connection, 5)

    counted = "SELECT opens + events FROM sessions JOIN users ON users.id = user_ref"
    assert _rows(bench, f"{counted} WHERE user_id = 'locked'") == [(1 + len(delays),)]
    assert _rows(bench, "SELECT * FROM due_decisions") == []


def test_an_event_whose_key_is_locked_waits_alone(bench: Bench, database_url: str) -> None:
    """Somebody has inserted the row of its idempotency key, and does not commit."""
    waiting = fresh(idempotency_key="k", user_id="waiting")
    with psycopg.connect(database_url) as other:
        other.execute(
            b"INSERT INTO idempotency_keys VALUES (%s, %s, 'k', %s, '', now())",
            (waiting.app_id, waiting.environment, uuid4()),
        )
        batch = [*_events(50), waiting, *_events(50)]
        bench.send(batch)
        began_at = time.monotonic()
        held = HeldGroups()
        while len(bench.receipts("events")) < 100:
            bench.drain(limits=DrainLimits(2000, 1, 3, linger_ms=20), held=held)
            assert time.monotonic() - began_at < 10, "others wait for the one that is locked"
        assert "waiting" not in _stored_users(bench)
        assert [len(part.events) for group in held.groups for part in group.parts] == [1]
        other.rollback()
    bench.drain(limits=DrainLimits(2000, 10, 3, linger_ms=20), held=held)

    assert "waiting" in _stored_users(bench)
    assert bench.receipts("quarantine") == []
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_a_table_that_is_locked_delays_everybody_and_splits_nothing_for_long(
    bench: Bench, database_url: str
) -> None:
    batch = _events(200)
    bench.send(batch[:100], batch[100:])
    held = HeldGroups()
    with psycopg.connect(database_url) as other:
        other.execute(b"LOCK TABLE events")
        bench.drain(limits=DrainLimits(2000, 4, 3, linger_ms=20), held=held)
        other.rollback()
    assert bench.receipts("events") == []

    bench.drain(limits=DrainLimits(2000, 20, 3, linger_ms=20), held=held)

    assert len(bench.receipts("events")) == 200
    assert bench.receipts("quarantine") == []


def test_a_backend_that_hangs_is_given_up_and_others_go_on(bench: Bench) -> None:
    """Stopped in the middle of a transaction, it may hold what its own events need: these wait."""
    bench.send(_events(3))
    bench.drain()
    (lane, *_) = bench.lanes
    pid = lane.connection(LANE_PATIENCE).info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        delays = _drain_while(bench, 6)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert max(delays) < 5
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_what_is_set_aside_is_left_to_others_by_a_worker_that_stops(
    bench: Bench, database_url: str
) -> None:
    held, stops = HeldGroups(), [False]
    with psycopg.connect(database_url) as other:
        other.execute(b"LOCK TABLE events")
        bench.send(_events(3))
        bench.drain(limits=DrainLimits(2000, 2, 3, linger_ms=20), held=held)
        assert len(held) == 1
        stops[0] = True
        bench.drain(stopping=lambda: stops[0], held=held)
        other.rollback()

    assert len(held) == 0
    assert bench.drain("another") == Recorded(events=3)


def test_what_a_drain_has_not_begun_when_postgresql_is_away_was_not_delivered(
    bench: Bench,
) -> None:
    bench.send(*[_events(3) for _ in range(6)])
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    lost = Drain(
        bench.inbox(), [away], DrainLimits(5, 0, 3, linger_ms=20),
        DrainRequests(lambda: None, lambda: None), lambda: False,
    )  # fmt: skip
    bench.inbox().read(None)
    for _ in range(9):
        lost.run()

    deliveries = [entry.deliveries for entry in bench.inbox("another").claim_abandoned()]
    assert deliveries == [2] * 6


def test_an_entry_that_is_taken_apart_goes_on_where_time_was_up(bench: Bench) -> None:
    batch = _events(5)
    bench.send(batch)
    inbox = bench.inbox()
    inbox.read(None)
    for _ in range(3):
        inbox.claim_own()
    tried: list[int] = []

    def counting(*history: Any) -> Decision:
        tried.append(1)
        return decide(*history)

    for _ in range(5):
        bench.drain(limits=DrainLimits(2000, 0, 3, linger_ms=20), decide=counting)

    assert len(bench.receipts("events")) == 5
    assert len(tried) == 5
    assert bench.redis.xlen(NAMES.inbox) == 0
    assert bench.redis.exists(NAMES.suspects) == 0
