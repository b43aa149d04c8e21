"""Measures the cost as tables grow: the same 200,000 events, drained into ever larger tables.

    make bench-growth                      to 20 million events
    make bench-growth EVENTS=2000000       less far

A day of events is drained once, and copied back to older and older days by COPY, with new people
and new ids. At each size the probe is drained in four parts, each in turn into these tables and
into a copy of those of a million events: a machine that others share takes twice the CPU in one
minute that it takes in the next. WAL and disk bytes are those of the whole probe, which begins with
a checkpoint. Its people have scattered ids, so that each new row lands anywhere in an index, as
real rows do. Half of its events are of 10,000 people who were seen before, the rest clicks and
those who clicked.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.bench.drain import USERS, Backlog, drain_rate, fill, introduce, read_backlog, receive
from tests.bench.product import BenchProduct
from tests.bench.report import PAGE, machine, replace_between
from tests.bench.run import Run
from tests.bench.samples import CPU, POSTGRES_CPU, RATE, Sample
from tests.bench.stores import BenchValkey, one
from tests.bench.wrk import PEOPLE, Load

STEPS = (1_000_000, 5_000_000, 10_000_000, 20_000_000)
PROBE_EVENTS = 200_000
PARTS = 4
RATIO_MAX = 1.3
_GROWN, _SMALL = "grown", "small"
_WAL, _DISK = "wal_bytes", "disk_bytes"

# For a row that is copied %(copy)s days back. Ids keep their random part, and so their scatter.
_RECEIPT = (
    "(lpad(to_hex(('x' || left(replace({0}::text, '-', ''), 12))::bit(48)::bigint"
    " - {days}::bigint * 86400000), 12, '0') || substr(replace({0}::text, '-', ''), 13))::uuid"
)
_TIME = "{0} - {days} * interval '1 day'"
# As long as it was: a longer one would leave gaps in its pages for the rows of the probe.
_TEXT = "overlay({0} placing lpad(to_hex({days}), 3, '0') from length({0}) - 11 for 3)"
_USER = "{0} + {days}::bigint * 100000000"
_SHIFTED = {
    "users": {"id": _USER, "user_id": _TEXT, "first_time": _TIME},
    "events": {"receipt": _RECEIPT, "user_id": _TEXT, "event_time": _TIME, "received_at": _TIME},
    "signals": {"user_ref": _USER, "receipt": _RECEIPT, "event_time": _TIME},
    "sightings": {"user_ref": _USER, "event_time": _TIME},
    "identities": {"user_ref": _USER, "value": _TEXT},
    "attributions": {
        "id": _USER, "user_ref": _USER, "receipt": _RECEIPT, "event_time": _TIME,
        "click_id": _TEXT, "decided_at": _TIME,
    },
    "sessions": {
        "user_ref": _USER, "start_time": _TIME, "start_receipt": _RECEIPT, "last_activity": _TIME,
    },
    "activity": {"user_ref": _USER, "day": "({0} - {days})"},
    "clicks": {
        "click_id": _TEXT, "receipt": _RECEIPT, "event_time": _TIME, "received_at": _TIME,
    },
    "click_device_ids": {"device_id": _TEXT, "event_time": _TIME, "click_id": _TEXT},
}  # fmt: skip
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
# The first day may have passed midnight.
_PARTITIONS = """
SELECT format(
    'CREATE TABLE IF NOT EXISTS events_%%s PARTITION OF events FOR VALUES FROM (%%L) TO (%%L)',
    to_char(day, 'YYYYMMDD'), first(day), first(day + 1))
FROM (SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date - %s AS day FROM day_events) AS chosen
"""
_FIRST = """
CREATE FUNCTION first(day date) RETURNS uuid LANGUAGE sql AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM day) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$
"""


@dataclass(frozen=True)
class Step:
    """The cost of an event of the probe in tables of `events`; `small_cpu_us` is its CPU in tables
    of a million, measured in turns."""

    events: int
    rate: float
    cpu_us: float
    small_cpu_us: float
    wal_bytes: float
    disk_bytes: float


@dataclass
class Grown:
    """Tables that hold a day of `day_events`, and so many copies of it on older days."""

    resources: BenchProduct
    day_events: int
    copies: int = 0

    @property
    def events(self) -> int:
        return self.day_events * (1 + self.copies)


def measure_growth(run: Run, events_max: int, probe_events: int) -> list[Step]:
    """Fills and drains in turns, up to `events_max`."""
    with run.valkey() as valkey:
        grown = _first_day(run, valkey, fill(run, valkey, "mix", probe_events))
        sides = {_GROWN: grown.resources}
        steps: list[Step] = []
        for events in [*(step for step in STEPS if step < events_max), events_max]:
            with run.postgres.careless():
                _fill_to(grown, events)
            if not steps:
                sides[_SMALL] = run.product_on(valkey, _SMALL, _GROWN)
            people = (100 + len(steps)) * PEOPLE
            steps.append(_probe(run, sides, events, probe_events, people))
            print(_row(steps[-1], steps[0]), file=sys.stderr, flush=True)
        return steps


def _first_day(run: Run, valkey: BenchValkey, day: Backlog) -> Grown:
    day.put(valkey)
    resources = run.product_on(valkey, _GROWN)
    with resources.workers(1) as programs:
        drain_rate(resources, run.postgres, programs)
    with psycopg.connect(resources.database_url, autocommit=True) as connection:
        connection.execute(_FIRST.encode())
        for table in _SHIFTED:
            connection.execute(f"CREATE TABLE day_{table} AS SELECT * FROM {table}".encode())
    return Grown(resources, day.events)


def _fill_to(grown: Grown, events: int) -> None:
    """Copies to older days until there are so many events and clicks, then analyzes all tables."""
    while grown.events < events:
        began = time.monotonic()
        grown.copies += 1
        _copy_day(grown.resources.database_url, grown.copies)
        rate = grown.day_events / (time.monotonic() - began)
        shown = f"  {grown.events:,} of {events:,}, {rate:,.0f} a second"
        print(shown, file=sys.stderr, flush=True)
    with psycopg.connect(grown.resources.database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _copy_day(url: str, days: int) -> None:
    with psycopg.connect(url) as source, psycopg.connect(url) as target:
        for (partition,) in target.execute(_PARTITIONS, (days,)).fetchall():
            target.execute(str(partition).encode())
        for table, shifted in _SHIFTED.items():
            columns = [name for (name,) in source.execute(_COLUMNS, (table,))]
            chosen = [shifted.get(name, "{0}").format(name, days=days) for name in columns]
            out = f"COPY (SELECT {', '.join(chosen)} FROM day_{table}) TO STDOUT (FORMAT binary)"
            into = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
            with (
                source.cursor().copy(out.encode()) as rows,
                target.cursor().copy(into.encode()) as sink,
            ):
                for part in rows:
                    sink.write(part)


def _probe(
    run: Run, sides: Mapping[str, BenchProduct], events: int, probe_events: int, people: int
) -> Step:
    """Drains the probe, with returning people of its own, so that their histories are equally long
    at every size."""
    base = people + PEOPLE // 2
    for resources in sides.values():
        introduce(resources, run.postgres, base)
    run.postgres.checkpoint()
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(PARTS):
        first = people + number * probe_events
        load = Load("growth", 1, first=first, base=base, users=USERS)
        receive(sides[_SMALL], load, probe_events // PARTS)
        part = read_backlog(sides[_SMALL], _SMALL)
        for name in list(sides)[:: 1 if number % 2 else -1]:
            samples[name].append(_drain_cost(run, sides[name], part))
    grown = samples[_GROWN]
    return Step(
        events,
        statistics.median(sample[RATE] for sample in grown),
        statistics.median(sample[CPU] for sample in grown),
        statistics.median(sample[CPU] for sample in samples[_SMALL]),
        statistics.mean(sample[_WAL] for sample in grown),
        statistics.mean(sample[_DISK] for sample in grown),
    )


def _drain_cost(run: Run, resources: BenchProduct, part: Backlog) -> Sample:
    """Returns the cost of an event for the worker and PostgreSQL together."""
    part.put(resources.valkey)
    resources.publish()
    wal, disk = _written(resources.database_url)
    with resources.workers(1) as programs:
        sample = drain_rate(resources, run.postgres, programs)
    wal_after, disk_after = _written(resources.database_url)
    resources.empty_inbox()
    return {
        RATE: sample[RATE],
        CPU: sample[CPU] + sample[POSTGRES_CPU],
        _WAL: (wal_after - wal) / part.events,
        _DISK: (disk_after - disk) / part.events,
    }


def _written(url: str) -> tuple[int, int]:
    wal = one(url, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(wal), int(one(url, "SELECT pg_database_size(current_database())"))


def table(steps: Sequence[Step]) -> Iterator[str]:
    yield "| events in the tables | events/s | CPU µs | in a million | WAL bytes | disk bytes |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for step in steps:
        yield _row(step, steps[0])


def _row(step: Step, first: Step) -> str:
    cells = [
        f"{step.events:,}",
        f"{step.rate:,.0f}",
        f"{step.cpu_us:,.0f} ({step.cpu_us / step.small_cpu_us:.2f} times)",
        f"{step.small_cpu_us:,.0f}",
        f"{step.wal_bytes:,.0f} ({step.wal_bytes / first.wal_bytes:.2f} times)",
        f"{step.disk_bytes:,.0f} ({step.disk_bytes / first.disk_bytes:.2f} times)",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    arguments.add_argument("--events", type=int, default=STEPS[-1])
    arguments.add_argument("--probe", type=int, default=PROBE_EVENTS)
    arguments.add_argument("--write", action="store_true", help="into docs/performance.md")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-growth-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        run = Run(Path(folder), 1, 1, 1, chosen.probe, chosen.probe)
        with run.open():
            steps = measure_growth(run, chosen.events, chosen.probe)
    text = "\n".join(table(steps))
    print(f"{machine()}\n\n{text}")
    if chosen.write:
        replace_between(PAGE, "growth", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
