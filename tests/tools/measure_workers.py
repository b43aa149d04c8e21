"""Measures how many events a second 1 to 4 workers record: `make measure-workers`.

Fills the inbox with events of new users in batches and lets 1, 2, 3 and 4 workers drain it, one
count after another, in several rounds. Prints medians, and the ratio to one worker. Stores, workers
and this program share the machine, so the ratios say more than the numbers.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from console.actor import terminal_actor
from console.apps.apps import create_app
from console.connections import open_resources
from console.pipeline.migrate import migrate_stores
from deploy import programs
from deploy.fleet import Fleet
from deploy.stack import Plan, Stack
from shared.clock import now_ms
from shared.events import Environment, Event, Kind, encode_event, join_events
from shared.ids import new_receipt
from shared.inbox import append, measure
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.rq_queue import enqueue
from shared.settings import read_settings
from tests.support.redis_names import NAMES

COUNTS = (1, 2, 3, 4)
_BATCH_EVENTS = 100
_DRAIN_SECONDS_MAX = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-workers-") as folder:
        rates = _measure(Path(folder), arguments.events, arguments.rounds)
    base = statistics.median(rates[1])
    print("| workers | events a second | to one worker |\n|---|---|---|")
    for count, samples in rates.items():
        median = statistics.median(samples)
        print(f"| {count} | {median:,.0f} | {median / base:.2f} |")


def _measure(folder: Path, events: int, rounds: int) -> dict[int, list[float]]:
    stack: Stack

    def prepare_stores(_database_url: str, _redis_url: str) -> None:
        migrate_stores(read_settings(stack.environment), now_ms)

    plan = Plan((programs.workers(1),), prepare_stores)
    stack = Stack(folder / "data", dict(os.environ), plan, print)
    rates: dict[int, list[float]] = {count: [] for count in COUNTS}
    with stack:
        assert stack.fleet is not None
        redis = connect_redis(stack.redis_url, NAMES)
        with open_resources(read_settings(stack.environment)) as resources:
            app_id = create_app(resources, terminal_actor(), "Shop").id
        _drain(stack, redis, app_id, events // 4)  # prepared statements, caches, statistics
        for _ in range(rounds):
            for count in COUNTS:
                _resize(stack, stack.fleet, count)
                rates[count].append(_drain(stack, redis, app_id, events))
    return rates


def _resize(stack: Stack, fleet: Fleet, count: int) -> None:
    fleet.resize(count)
    ends_at = time.monotonic() + 5  # a new one has to import its program
    while time.monotonic() < ends_at:
        stack.watch()
        time.sleep(0.1)


def _drain(stack: Stack, redis: Redis, app_id: int, events: int) -> float:
    """Returns events a second, from the first read of a worker to an empty inbox."""
    for start in range(0, events, _BATCH_EVENTS):
        batch = [_event(app_id, number) for number in range(start, start + _BATCH_EVENTS)]
        append(redis, join_events([encode_event(event) for event in batch]), len(batch))
    begun, left = time.monotonic(), measure(redis).events  # the sweep may have been faster
    enqueue(redis, "drain")
    while measure(redis).events:
        assert time.monotonic() - begun < _DRAIN_SECONDS_MAX, "the inbox does not empty"
        stack.watch()
        time.sleep(0.02)
    return left / (time.monotonic() - begun)


def _event(app_id: int, number: int) -> Event:
    """Returns an open or a purchase; every second event is of a new user."""
    time_ms = now_ms()
    receipt = new_receipt(time_ms)
    return Event(
        receipt=receipt,
        received_at_ms=time_ms,
        app_id=app_id,
        token_id=1,
        environment=Environment.PRODUCTION,
        kind=Kind.OPEN if number % 2 == 0 else Kind.EVENT,
        endpoint="/postback",
        user_id=f"{time_ms}-{number // 2}",
        event_id="__open" if number % 2 == 0 else "purchase",
        ip_address="203.0.113.7",
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)",
    )


if __name__ == "__main__":
    main()
