"""Measures how soon callbacks arrive, and how many one worker sends: `make measure-callbacks`.

    python -m tests.tools.measure_callbacks [--seconds 30] [--rate 200] [--burst 20000]

Real programs, stores and a receiver in a process of its own share the machine. Conversions are sent
at a steady rate; the time from the beginning of the transaction that wrote a callback to its
arrival is measured, alone and beside endpoints that never answer. The first ten seconds are shown
apart: they begin without a courier. Then one worker sends a backlog of signed callbacks.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil
import psycopg

from tests.system.conftest import make_token
from tests.system.product import Waybill
from tests.system.servers import until
from tests.tools.callback_receiver import CallbackReceiver

CLIENT = Path(__file__).parents[2] / "docs" / "clients" / "waybill_batch.py"
DEAD = 4  # endpoints that never answer, in the second round
STARTING_SECONDS = 10.0
_BATCHES_A_SECOND = 10
_SECONDS_MAX = 300
_WRITTEN = """
SELECT callbacks.id::text, extract(epoch FROM callbacks.created_at)::float8
FROM callbacks JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
WHERE name = 'healthy'
"""


def main() -> None:
    """Measures and prints a table of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--burst", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    if chosen.seconds:
        print("| endpoints | callbacks | p50 (ms) | p99 (ms) | longest | p99 of the first 10 s |")
        print("|---|---:|---:|---:|---:|---:|")
        for dead in (0, 1, DEAD):
            _measure_delay(chosen.seconds, chosen.rate, chosen.workers, dead)
    if chosen.burst:
        _measure_rate(chosen.burst)
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


@contextmanager
def _product(receiver: CallbackReceiver, workers: int) -> Iterator[tuple[Waybill, str]]:
    """Yields the running product and a token of its app, which has the endpoint `healthy`."""
    variables = {
        "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
        "WAYBILL_CALLBACK_PORTS": str(receiver.port),
    }
    with (
        tempfile.TemporaryDirectory(prefix="waybill-callbacks-") as folder,
        Waybill(Path(folder) / "data", variables, workers) as waybill,
    ):
        token = make_token(waybill)
        _make_endpoint(waybill, receiver, "healthy", "cb", "--concurrency-max", "32")
        yield waybill, token


def _make_endpoint(
    waybill: Waybill, receiver: CallbackReceiver, name: str, path: str, *more: str
) -> None:
    url = f"http://localhost:{receiver.port}/{path}?user={{user_id}}&event={{event_name}}&at={{created_at}}"
    own = ("--app", "Shop", "--name", name, "--activity", "event", "--url", url)
    waybill.json("callback", "create", *own, *more)


def _measure_delay(seconds: int, rate: int, workers: int, dead: int) -> None:
    with CallbackReceiver() as receiver, _product(receiver, workers) as (waybill, token):
        for number in range(dead):
            _make_endpoint(waybill, receiver, f"dead {number}", "never")
        time.sleep(5)  # every process knows them, and the courier of the set-up has gone
        began = time.time()
        _send(waybill, token, rate * seconds, rate)
        until(lambda: receiver.count() >= rate * seconds, _SECONDS_MAX, "every callback")
        arrived = receiver.take()
        with psycopg.connect(_database_url(waybill)) as connection:
            rows = connection.execute(_WRITTEN.encode()).fetchall()
            written: dict[str, float] = dict(rows)
    assert arrived.keys() == written.keys()
    later = [
        (arrived[each] - at) * 1000 for each, at in written.items() if at > began + STARTING_SECONDS
    ]
    first = [
        (arrived[each] - at) * 1000
        for each, at in written.items()
        if at <= began + STARTING_SECONDS
    ]
    beside = f"one, beside {dead} that never answer" if dead else "one"
    figures = _quantile(later, 0.5), _quantile(later, 0.99), max(later), _quantile(first, 0.99)
    cells = (beside, f"{len(written):,}", *(f"{figure:.0f}" for figure in figures))
    print(f"| {' | '.join(cells)} |")


def _measure_rate(events: int) -> None:
    with CallbackReceiver() as receiver, _product(receiver, 1) as (waybill, token):
        waybill.json("callback", "pause", "--app", "Shop", "healthy")
        _send(waybill, token, events, events)
        waybill.wait_until_drained(_SECONDS_MAX)
        time.sleep(5)  # rollups follow the last events
        before = _cpu_seconds(waybill)
        waybill.json("callback", "resume", "--app", "Shop", "healthy")
        until(lambda: receiver.count() >= events, _SECONDS_MAX, "every callback")
        used = {name: seconds - before[name] for name, seconds in _cpu_seconds(waybill).items()}
        times = sorted(receiver.take().values())
    each = ", ".join(f"{name} {value / events * 1e6:.0f}" for name, value in used.items())
    print(f"one worker: {events / (times[-1] - times[0]):,.0f} signed callbacks/s; CPU µs: {each}")


def _send(waybill: Waybill, token: str, events: int, rate: int) -> None:
    """Sends conversions of new users, so many a second."""
    client = _client().BatchClient(waybill.url, token)
    size = min(500, max(1, rate // _BATCHES_A_SECOND))
    began = time.monotonic()
    for first in range(0, events, size):
        time.sleep(max(0.0, began + first / rate - time.monotonic()))
        verdicts = client.send([
            {"id": f"c-{number}", "type": "event", "user_id": f"u-{number}",
             "event_id": "purchase", "sale_amount": "1.50", "time": int(time.time())}
            for number in range(first, min(events, first + size))
        ])  # fmt: skip
        assert {each["status"] for each in verdicts} == {"accepted"}


def _client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("waybill_batch", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _database_url(waybill: Waybill) -> str:
    for program in waybill.children("rq.cli"):
        return str(program.environ()["DATABASE_URL"])
    raise AssertionError("no worker runs")


def _cpu_seconds(waybill: Waybill) -> dict[str, float]:
    """Returns the CPU that the worker and PostgreSQL have used, of the processes that run now."""
    family = psutil.Process(waybill.process.pid).children(recursive=True)
    postgres = [each for each in family if each.name() == "postgres"]
    used = {}
    for name, found in (("worker", waybill.children("rq.cli")), ("PostgreSQL", postgres)):
        times = [each.cpu_times() for each in found if each.is_running()]
        used[name] = float(sum(each.user + each.system for each in times))
    return used


def _quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


if __name__ == "__main__":
    main()
