"""Measures what callbacks add to a drain: `make measure-outbox`.

    python -m tests.tools.measure_outbox [--events 4000] [--rounds 15]

Drains the same conversions in turns into an app without callback endpoints and into one whose
endpoint is told of each, in one process on real stores, and prints CPU µs an event of the drain and
of PostgreSQL: medians, and the median of the rounds' ratios. Nothing is delivered meanwhile.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.stack import EmbeddedStores, Plan, Stack
from shared.clock import now_ms
from shared.database import connect
from shared.events import Event, encode_event, join_events
from shared.gc_tuning import tune_gc
from shared.ids import new_receipt
from shared.inbox import append
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.redis import Redis
from shared.redis import connect as connect_redis
from tests.support.build import event
from tests.support.redis_names import NAMES
from workers.drain.drain import Drain, DrainLimits, DrainRequests
from workers.drain.inbox_reader import InboxReader
from workers.patient_database import Database

KINDS = ("new users", "returning users")
_BATCH_EVENTS = 20
_AGENTS = tuple(
    f"Mozilla/5.0 ({device}) AppleWebKit/537.36 (KHTML, like Gecko) {browser} Safari/537.36"
    for device, browser in (
        ("iPhone; CPU iPhone OS 17_4 like Mac OS X", "Version/17.4 Mobile/15E148"),
        ("Linux; Android 14; Pixel 8", "Chrome/124.0.0.0 Mobile"),
    )
)
_FURNISH = """
INSERT INTO apps (name, app_token) VALUES ('without', 'without'), ('with', 'with');
INSERT INTO event_types (app_id, event_token, mapping_id, name)
SELECT id, app_token, 'purchase', 'Purchase' FROM apps;
INSERT INTO callback_endpoints (app_id, name, activities, method, url, created_at)
SELECT id, 'own', '{event}', 'GET', 'https://own.example/', now() - interval '1 day' FROM apps
WHERE name = 'with';
"""


@dataclass(frozen=True)
class Cost:
    """CPU µs an event."""

    drain: float
    postgres: float

    @property
    def both(self) -> float:
        return self.drain + self.postgres


@dataclass
class Workbench:
    """A drain in this process, on stores of its own."""

    redis: Redis
    lanes: Sequence[Database]
    postgres: Sequence[psutil.Process]
    users_made: int = 0

    def drained(self, app_id: int, kind: str, events: int) -> Cost:
        """Drains so many conversions, and returns what they cost."""
        first_user = self.users_made
        if kind == KINDS[0]:
            self.users_made += events
        for first in range(0, events, _BATCH_EVENTS):
            people = range(first_user + first, first_user + min(events, first + _BATCH_EVENTS))
            batch = [_conversion(app_id, person) for person in people]
            append(self.redis, join_events([encode_event(each) for each in batch]), len(batch))
        limits = DrainLimits(2_000, 120, 3, linger_ms=1)
        requests = DrainRequests(lambda: None, lambda: None)
        drain = Drain(
            InboxReader(self.redis, "bench", 60_000), self.lanes, limits, requests, lambda: False
        )
        postgres, own = _cpu_seconds(self.postgres), time.process_time()
        recorded = drain.run()
        own, postgres = time.process_time() - own, _cpu_seconds(self.postgres) - postgres
        assert recorded.events == events, recorded
        return Cost(own / events * 1e6, postgres / events * 1e6)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    tune_gc()  # as a worker does
    with tempfile.TemporaryDirectory(prefix="waybill-outbox-") as folder:
        plan = Plan(stores=EmbeddedStores())
        with Stack(Path(folder), {}, plan, lambda _: None) as stack:
            bench = _open(stack)
            print("| events | drain without | with | PostgreSQL without | with | ratio of both |")
            print("|---|---:|---:|---:|---:|---|")
            for kind in KINDS:
                _measure(bench, kind, chosen.events, chosen.rounds)


def _open(stack: Stack) -> Workbench:
    with connect(stack.database_url, "tests") as connection:
        migrate(connection, finish=True)
        make_partitions(connection, now_ms())
        connection.execute(_FURNISH.encode())
        row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        assert row is not None
        pid = int((Path(row[0]) / "postmaster.pid").read_text().split("\n")[0])
    lanes = (Database(stack.database_url), Database(stack.database_url))
    for lane in lanes:
        lane.connection()
    server = psutil.Process(pid)
    return Workbench(connect_redis(stack.redis_url, NAMES), lanes, [server, *server.children()])


def _measure(bench: Workbench, kind: str, events: int, rounds: int) -> None:
    costs: dict[int, list[Cost]] = {1: [], 2: []}
    for number in range(rounds + 1):  # the first prepares statements, and introduces users
        for app_id in (1, 2) if number % 2 else (2, 1):
            cost = bench.drained(app_id, kind, events)
            costs[app_id] += [cost] if number else []
    ratios = sorted(after.both / before.both for before, after in zip(*costs.values(), strict=True))
    medians = (
        statistics.median(getattr(each, part) for each in costs[app_id])
        for part in ("drain", "postgres")
        for app_id in (1, 2)
    )
    cells = " | ".join(f"{median:.0f}" for median in medians)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"| {kind} | {cells} | {statistics.median(ratios):.3f} ({spread}) |", flush=True)


def _conversion(app_id: int, person: int) -> Event:
    """Returns a conversion as backends send it, and as `make bench` does."""
    time_ms, scattered = now_ms(), person * 40_503 % 65_536 * 65_536 + person % 65_536
    return event(
        receipt=new_receipt(time_ms),
        received_at_ms=time_ms,
        event_time_ms=time_ms,
        app_id=app_id,
        user_id=f"{scattered:08X}-BEAD-4000-8000-{person:012X}",
        event_id="purchase",
        sale_amount=f"{person % 90}.99",
        sale_amount_currency="EUR",
        ip_address=f"198.18.{person // 256 % 256}.{person % 256}",
        user_agent=_AGENTS[person % len(_AGENTS)],
        device_ids={"gaid": f"{scattered:08x}-0000-4000-8000-{person:012x}"},
        parameters={"plan": "premium", "country": "DE"},
    )


def _cpu_seconds(programs: Sequence[psutil.Process]) -> float:
    times = [each.cpu_times() for each in programs if each.is_running()]
    return float(sum(each.user + each.system for each in times))


if __name__ == "__main__":
    main()
