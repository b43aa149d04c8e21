"""The shares of apps: a burst of one keeps the events of another waiting for a moment only."""

from shared.events import Event, encode_event, join_events
from shared.inbox import append, measure
from shared.limits.app_shares import queued_events
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.support.redis_names import NAMES
from workers.drain.drain import DrainLimits
from workers.facts.record import Recorded

NOISY, LOUD, QUIET = 7_001, 7_002, 7_003
SMALL = DrainLimits(100, 60, 3, linger_ms=20)


def send(bench: Bench, app_id: int, events: int, at_once: int = 20) -> list[Event]:
    sent = [fresh(app_id=app_id) for _ in range(events)]
    for start in range(0, events, at_once):
        part = sent[start : start + at_once]
        payload = join_events([encode_event(event) for event in part])
        append(bench.redis, payload, len(part), apps=str(app_id))
    return sent


def stored(bench: Bench, app_id: int) -> int:
    row = bench.connection.execute("SELECT count(*) FROM events WHERE app_id = %s", (app_id,))
    return int(row.fetchone()[0])  # type: ignore[index]


def test_one_event_of_another_app_passes_a_long_backlog(bench: Bench) -> None:
    bench.redis.set(NAMES.inbox_share, SMALL.drain_events_max)
    noisy = send(bench, NOISY, 4_000)
    quiet = send(bench, QUIET, 1)

    first = bench.drain(limits=SMALL, stopping=lambda: stored(bench, QUIET) == 1)

    assert stored(bench, QUIET) == 1
    assert stored(bench, NOISY) < 2_000
    assert queued_events(bench.redis) == {NOISY: 4_000 - stored(bench, NOISY)}
    rest = bench.drain(limits=SMALL)
    assert first + rest == Recorded(events=4_001)
    assert bench.receipts("events") == sorted(str(event.receipt) for event in noisy + quiet)
    assert (measure(bench.redis).events, queued_events(bench.redis)) == (0, {})


def test_two_apps_with_backlogs_share_what_a_worker_stores(bench: Bench) -> None:
    bench.redis.set(NAMES.inbox_share, SMALL.drain_events_max)
    send(bench, NOISY, 4_000)
    send(bench, LOUD, 1_000)

    bench.drain(limits=SMALL, stopping=lambda: stored(bench, LOUD) == 1_000)

    assert stored(bench, LOUD) == 1_000
    assert stored(bench, NOISY) < 3_000
    assert bench.redis.xlen(NAMES.parked_stream(LOUD)) == 0


def test_a_drain_ends_only_when_nothing_is_parked(bench: Bench) -> None:
    bench.redis.set(NAMES.inbox_share, SMALL.drain_events_max)
    send(bench, NOISY, 1_000, at_once=100)

    assert bench.drain(limits=SMALL) == Recorded(events=1_000)
    assert bench.redis.exists(NAMES.parked_stream(NOISY)) == 0
