"""Imports one file forward, backward and shuffled, by one worker and by four, one of which is
killed during the import: the tables that are derived from it must be the same each time.

    python -m tests.tools.acceptance_import --events 200000

Prints the digest and the time of each run; the exit status is 1 when two of them differ. A fifth of
the lines are of a second app that has the same users; both files are imported at once.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.addresses import find_addresses
from tests.support.digest import Digest, digests
from tests.support.generate import APPS, generate
from tests.support.journeys import LINKS, Line, link_name, offer
from tests.system.product import WAYBILL, Waybill
from tests.system.servers import until

ORDERS = ("forward", "backward", "shuffled")
WORKERS = (1, 4)
SECOND_APP_SHARE = 5
IMPORT_SECONDS_MAX = 3_600

_STORED = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM clicks)"
_INSERT_LINKS = """
    INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)
    SELECT apps.id, partners.id, %s, %s, %s, 'https://example.org/'
    FROM apps, partners WHERE apps.name = %s
"""


@dataclass(frozen=True)
class Run:
    order: str
    workers: int
    killed_at: int
    seconds: float
    digests: dict[str, Digest]


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--orders", nargs="+", choices=ORDERS, default=ORDERS)
    arguments.add_argument("--workers", nargs="+", type=int, default=WORKERS)
    arguments.add_argument("--rows", type=Path, help="a folder for the rows, to compare runs")
    chosen = arguments.parse_args()
    # As an exit, so that running programs are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    second = chosen.events // SECOND_APP_SHARE
    counts = dict(zip(APPS, (chosen.events - second, second), strict=True))
    files = {app: generate(count, chosen.seed, app) for app, count in counts.items()}
    runs = [
        _report(run(files, order, workers, _rows_folder(chosen.rows, order, workers)))
        for workers in chosen.workers
        for order in chosen.orders
    ]
    equal = all(run.digests == runs[0].digests for run in runs)
    print("All runs are equal." if equal else "The runs DIFFER.")
    return 0 if equal else 1


def run(files: dict[str, list[Line]], order: str, workers: int, rows: Path | None = None) -> Run:
    with tempfile.TemporaryDirectory(prefix="waybill-import-") as folder:
        waybill = Waybill(Path(folder) / "data", workers=workers)
        try:
            waybill.wait_until_ready()
            database_url = _furnish(waybill)
            paths = {app: _write(Path(folder), app, files[app], order) for app in files}
            lines = sum(len(content) for content in files.values())
            began = time.monotonic()
            with ExitStack() as importing:
                imports = [
                    importing.enter_context(_import(waybill, app, path))
                    for app, path in paths.items()
                ]
                killed_at = _kill_a_worker(waybill, database_url, lines // 3)
                statuses = [process.wait(IMPORT_SECONDS_MAX) for process in imports]
                assert statuses == [0] * len(imports)
            until(lambda: waybill.backlog_events() == 0, IMPORT_SECONDS_MAX, "the inbox emptying")
            seconds = time.monotonic() - began
            quarantined = waybill.json("quarantine", "list")["quarantine"]
            assert not quarantined, f"{len(quarantined)} in quarantine\n{waybill.logs()[-5_000:]}"
            return Run(order, workers, killed_at, seconds, digests(database_url, rows))
        finally:
            waybill.stop()


def _rows_folder(folder: Path | None, order: str, workers: int) -> Path | None:
    if folder is None:
        return None
    data = folder / f"{order}-{workers}"
    data.mkdir(parents=True, exist_ok=True)
    return data


def _furnish(waybill: Waybill) -> str:
    """Creates the apps and their links, and returns the address of the database."""
    running = find_addresses(waybill.data)
    assert running is not None
    for app in APPS:
        waybill.json("app", "create", "--name", app)
    with psycopg.connect(running.database_url) as connection:
        connection.execute("INSERT INTO partners (name) VALUES ('Partner')")
        for app in APPS:
            for number in range(LINKS):
                connection.execute(_INSERT_LINKS, (link_name(number), *offer(app, number), app))
    return running.database_url


def _write(folder: Path, app: str, lines: Sequence[Line], order: str) -> Path:
    ordered = list(lines)
    if order == "backward":
        ordered.reverse()
    elif order == "shuffled":
        random.Random(app).shuffle(ordered)
    path = folder / f"{app}.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in ordered))
    return path


@contextmanager
def _import(waybill: Waybill, app: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [WAYBILL, "--data", str(waybill.data), "import", str(path), "--app", app, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=waybill.environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _kill_a_worker(waybill: Waybill, database_url: str, stored_min: int) -> int:
    """Kills a worker as soon as so many lines are stored, and returns how many were."""
    with psycopg.connect(database_url, autocommit=True) as connection:

        def stored() -> int:
            row = connection.execute(_STORED).fetchone()
            assert row is not None
            return int(row[0])

        until(lambda: stored() >= stored_min, IMPORT_SECONDS_MAX, "a third being stored")
        waybill.children("rq.cli")[0].kill()
        assert waybill.backlog_events() > 0, "nothing was left to do: take more events"
        return stored()


def _report(done: Run) -> Run:
    workers = f"{done.workers} worker{'s' if done.workers > 1 else ''}"
    killed = f"one killed after {done.killed_at:,} rows"
    print(f"{done.order}, {workers}, {killed}: {done.seconds:.1f} s")
    for table, digest in done.digests.items():
        print(f"  {table:14}{digest.rows:10,}  {digest.sha256}")
    sys.stdout.flush()
    return done


if __name__ == "__main__":
    sys.exit(main())
