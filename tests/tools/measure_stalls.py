"""Measures how long other people's events wait while something wants everything for itself.

    python -m tests.tools.measure_stalls [--scale 1.0] [--only backlog] [--write]

`waybill up` with two workers. A sender of one app sends an event of a new user ten times a second;
what is measured is the time from its answer to its row. Meanwhile, one after another: a device ID
that 100,000 users name is clicked on each second; a user of 1,000,000 events in one run sends on,
and something of theirs comes late, or tells a new device ID; a user's row is locked for 60 s while
they send; a backend of a worker is stopped for 120 s; and at last 1,000,000 events of another app
wait. Prints a table, and with --write puts it into docs/reliability.md.
"""

import argparse
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import psycopg

from deploy.addresses import find_addresses
from shared.clock import now_ms
from shared.database import connect as connect_database
from shared.events import encode_event, join_events
from shared.inbox import append
from shared.redis import Redis
from shared.redis import connect as connect_redis
from tests.integration.fresh import fresh
from tests.support.redis_names import NAMES
from tests.system.product import Waybill
from tests.system.servers import until
from workers.core.decision import decide
from workers.decisions.user_decisions import UserDecisions

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = "| meanwhile | events | median | p99 | worst |"
WIDE_DEVICE = "aaaaaaaa-1111-4222-8333-444444444444"
SECONDS_EACH = 30
BATCH_EVENTS = 500
SLICE_SIGNALS = 2_000  # as they come to a drain
ANALYZE_SIGNALS = 50_000
ROW_SECONDS_MAX = 150.0
READY_SECONDS_MAX = 180.0  # where the machine is busy with something else

_USERS = "INSERT INTO users (app_id, environment, user_id) SELECT %s, 'production', 'w' || n "
_USERS += "FROM generate_series(1, %s) AS n"
_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT app_id, environment, 'device', %s, id FROM users WHERE user_id LIKE 'w%%' AND app_id = %s
"""
_SIGNALS = """
INSERT INTO signals (user_ref, event_time, receipt, kind, device_family, device_os, device_version,
                     device_is_bot, device_ids, click_ids)
SELECT %s, to_timestamp(%s / 1000.0) + n * interval '100 ms', gen_random_uuid(),
       CASE WHEN n %% 10 = 0 THEN 'open' ELSE 'event' END, '', '', '', false, '{}', '{}'
FROM generate_series(1, %s) AS n
"""


@dataclass
class Installation:
    """A running product: an app whose events are measured, and one that disturbs."""

    waybill: Waybill
    database_url: str
    redis: Redis
    tokens: dict[str, str]
    scale: float
    apps: dict[str, int] = field(default_factory=dict)

    def send(self, app: str, path: str = "/postback", **fields: object) -> str:
        """Sends a call and returns its receipt."""
        host, _, port = self.waybill.url.removeprefix("http://").partition(":")
        connection = HTTPConnection(host, int(port), timeout=10)
        try:
            query = urlencode({"s2s_token": self.tokens[app], **fields})
            connection.request("GET", f"{path}?{query}")
            answer = connection.getresponse()
            answer.read()
            return answer.headers.get("Waybill-Receipt", "") if answer.status == 200 else ""
        finally:
            connection.close()


class Prober:
    """A sender of an app that does nothing wrong, and the delays of its rows."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._answered: dict[str, float] = {}
        self.delays: list[float] = []
        self._over = threading.Event()

    def _send(self) -> None:
        number = 0
        while not self._over.wait(0.1):
            number += 1
            user = f"probe {id(self)} {number}"
            receipt = self._installation.send("quiet", user_id=user, event_id="__open")
            if receipt:
                self._answered[receipt] = time.monotonic()

    def look(self, connection: psycopg.Connection) -> None:
        """Notes the events that are rows by now."""
        waiting = list(self._answered)
        rows = connection.execute(
            "SELECT receipt::text FROM events WHERE receipt = ANY(%s::uuid[])", (waiting,)
        ).fetchall()
        now = time.monotonic()
        self.delays += [now - self._answered.pop(receipt) for (receipt,) in rows]

    @contextmanager
    def probing(self) -> Iterator[None]:
        """Sends inside, and afterwards waits for what is not stored yet."""
        thread = threading.Thread(target=self._send)
        watch = threading.Thread(target=self._watch)
        thread.start()
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            watch.join()

    def _watch(self) -> None:
        with psycopg.connect(self._installation.database_url, autocommit=True) as connection:
            ends_at = float("inf")
            while not self._over.is_set() or (self._answered and time.monotonic() < ends_at):
                self.look(connection)
                time.sleep(0.05)
                if self._over.is_set() and ends_at == float("inf"):
                    ends_at = time.monotonic() + ROW_SECONDS_MAX
        self.delays += [ROW_SECONDS_MAX] * len(self._answered)


def quiet(_: Installation) -> None:
    time.sleep(SECONDS_EACH)


def backlog(here: Installation) -> None:
    """Queues events of the other app while workers are stopped, then lets them go on."""
    workers = here.waybill.children("rq.cli")
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    left = int(1_000_000 * here.scale)
    app_id = here.apps["noisy"]
    for start in range(0, left, BATCH_EVENTS):
        events = [
            fresh(app_id=app_id, user_id=f"noisy {number}")
            for number in range(start, min(left, start + BATCH_EVENTS))
        ]
        payload = join_events([encode_event(event) for event in events])
        append(here.redis, payload, len(events), apps=str(app_id))
    for worker in workers:
        worker.send_signal(signal.SIGCONT)
    time.sleep(1)  # what was sent while they stood still is not what is measured


def wide_device(here: Installation) -> None:
    """Makes many users of one device ID."""
    with psycopg.connect(here.database_url) as connection:
        connection.execute(_USERS.encode(), (here.apps["noisy"], int(100_000 * here.scale)))
        connection.execute(_IDENTITIES.encode(), (WIDE_DEVICE, here.apps["noisy"]))


def click_on_it(here: Installation) -> None:
    for number in range(SECONDS_EACH):
        here.send(
            "noisy", "/click", no_redirect="true", gaid=WIDE_DEVICE, pub_click_id=f"c{number}"
        )
        time.sleep(1)


def long_run(here: Installation) -> None:
    """Gives a user a run of many events, decided as they would have come."""
    here.send("noisy", user_id="endless", event_id="__open")
    with psycopg.connect(here.database_url, autocommit=True) as connection:
        number = _wait_for_user(connection, "endless")
    size, now = int(1_000_000 * here.scale), now_ms() - 60_000
    with connect_database(here.database_url, "tests") as connection:
        connection.execute("SET statement_timeout = 0")
        for done in range(0, size, SLICE_SIGNALS):
            from_ms = now - 100 * (size - done)
            count = min(SLICE_SIGNALS, size - done)
            connection.execute(_SIGNALS.encode(), (number, from_ms, count))
            if done % ANALYZE_SIGNALS == 0:
                connection.execute("ANALYZE signals, run_marks")
            UserDecisions(connection, decide).make({number: from_ms})


def _wait_for_user(connection: psycopg.Connection, user_id: str) -> int:
    while True:
        row = connection.execute("SELECT id FROM users WHERE user_id = %s", (user_id,)).fetchone()
        if row is not None:
            return int(row[0])
        time.sleep(0.05)


def send_on(here: Installation) -> None:
    for _ in range(SECONDS_EACH):
        here.send("noisy", user_id="endless", event_id="__open")
        time.sleep(1)


def send_late(here: Installation) -> None:
    late_ms = now_ms() - int(50_000_000 * here.scale)
    for number in range(SECONDS_EACH):
        here.send("noisy", user_id="endless", event_id="__open", event_time=late_ms + number)
        time.sleep(1)


def send_new_ids(here: Installation) -> None:
    """With each new device ID, all of the history is decided anew."""
    for number in range(SECONDS_EACH):
        device = f"{number:08x}-1111-4222-8333-555555555555"
        here.send("noisy", user_id="endless", event_id="__open", idfv=device)
        time.sleep(1)


def locked_row(here: Installation) -> None:
    here.send("noisy", user_id="locked", event_id="__open")
    with psycopg.connect(here.database_url) as connection:
        number = _wait_for_user(connection, "locked")
        connection.rollback()
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (number,))
        for _ in range(60):
            here.send("noisy", user_id="locked", event_id="__open")
            time.sleep(1)
        connection.rollback()


def stopped_backend(here: Installation) -> None:
    with psycopg.connect(here.database_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'waybill worker' LIMIT 1"
        ).fetchall()
    for (pid,) in rows:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(120)
    for (pid,) in rows:
        os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True)
class Trial:
    """`prepare` runs before, `disturb` while the events of the other app are measured."""

    name: str
    described: str
    disturb: Callable[[Installation], None]
    prepare: Callable[[Installation], None] = lambda _: None


TRIALS = (
    Trial("nothing", "nothing", quiet),
    Trial("wide", "a click a second with a device ID of {wide:,} users", click_on_it, wide_device),
    Trial("run", "an event each second of a user with {:,} in one run", send_on, long_run),
    Trial("late", "one each second that comes late, into the middle of that run", send_late),
    Trial("anew", "one each second with a new device ID of that user", send_new_ids),
    Trial("lock", "a user's row is locked for 60 s, and they send on", locked_row),
    Trial("backend", "a backend of a worker is stopped for 120 s", stopped_backend),
    Trial("backlog", "{:,} events of another app wait", quiet, backlog),
)


def main() -> None:
    """Measures and prints."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--only", nargs="+", choices=[trial.name for trial in TRIALS])
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    lines = [HEAD, "|---|---:|---:|---:|---:|"]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory(prefix="stalls-") as folder:
        waybill = Waybill(Path(folder) / "data")
        try:
            until(lambda: "curl" in waybill.output(), READY_SECONDS_MAX, "waybill up being ready")
            here = _furnished(waybill, chosen.scale)
            for trial in TRIALS:
                if not chosen.only or trial.name in chosen.only:
                    lines.append(_tried(trial, here))
                    print(lines[-1], flush=True)
        finally:
            waybill.stop()
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(HEAD)
        after = rest[rest.index("\n\n") :]
        PAGE.write_text(before + "\n".join(lines) + after)


def _tried(trial: Trial, here: Installation) -> str:
    trial.prepare(here)
    prober = Prober(here)
    with prober.probing():
        trial.disturb(here)
    delays = prober.delays
    shown = (median(delays), quantiles(delays, n=100)[98], max(delays))
    name = trial.described.format(int(1_000_000 * here.scale), wide=int(100_000 * here.scale))
    return f"| {name} | {len(delays):,} | " + " | ".join(f"{s:.2f} s" for s in shown) + " |"


def _furnished(waybill: Waybill, scale: float) -> Installation:
    running = find_addresses(waybill.data)
    assert running is not None
    tokens, apps = {}, {}
    for app in ("quiet", "noisy"):
        apps[app] = waybill.json("app", "create", "--name", app)["app"]["id"]
        made = waybill.json("token", "create", "--app", app, "--name", "backend")
        tokens[app] = str(made["secret"])
    redis = connect_redis(running.redis_url, NAMES)
    return Installation(waybill, running.database_url, redis, tokens, scale, apps)


if __name__ == "__main__":
    main()
