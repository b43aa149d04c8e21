"""The drain: every accepted event is in a table exactly once, whatever happens on the way."""

import time
from collections.abc import Callable

import pytest

from shared import metrics
from shared.events import Event
from shared.inbox import INBOX_KEY, WAKE_KEY, append, measure
from shared.redis import connect as connect_redis
from shared.rq_queue import enqueue, waiting_jobs
from shared.settings import read_settings
from shared.tally import Tally
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import CLAIM_IDLE_MS, Bench
from workers import jobs
from workers.drain.drain import DrainLimits
from workers.drain.drain_metrics import DrainMetrics
from workers.facts.record import Recorded
from workers.process import WorkerStores


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
    assert bench.redis.xlen(INBOX_KEY) == 0


def test_single_events_share_a_transaction_by_the_hundreds(bench: Bench) -> None:
    """As few senders leave them: an entry each."""
    bench.send(*([event] for event in _events(400)))
    tally = Tally()

    assert bench.drain(counts=DrainMetrics(tally)) == Recorded(events=400)

    assert sum(tally.histogram(metrics.DRAIN_EVENTS).counts) == 1


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
    assert bench.redis.exists(WAKE_KEY)

    bench.drain()

    assert not bench.redis.exists(WAKE_KEY)


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

    names = {consumer["name"] for consumer in bench.redis.xinfo_consumers(INBOX_KEY, "drain")}
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
    with connect_redis(redis_url) as other:
        assert measure(other).events == 0
    assert len(bench.receipts("events")) == 600
