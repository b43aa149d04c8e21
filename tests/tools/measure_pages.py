"""Measures every page of the console with a large app, and the API's calls beside them.

    .venv/bin/python -m tests.tools.measure_pages --events 10000000

The rows are generated and rolled up by SQL (`tests.support.large_app`), and shown by the real
console over its real PostgreSQL. Each page is requested nine times after a first one; the median
and the 95th percentile are printed, with the CPU that the console and PostgreSQL took, which other
work on the machine changes least. It fails if the median of a page is above its limit. With
`--data` the rows are kept and found again.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from console.accounts.api_keys import create_key
from console.accounts.login_sessions import open_session
from console.accounts.people import create_person
from console.actor import Role
from console.apps.apps import App, create_app, list_apps
from console.resources import Resources
from deploy.listen import Listen
from deploy.programs import console
from deploy.stack import Plan, Stack
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.ids import new_receipt
from shared.migrate import migrate
from shared.redis import connect as connect_redis
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.support.build import ADMIN, event
from tests.support.large_app import LargeApp, fill
from tests.support.page_timing import Page, measure
from tests.support.redis_names import NAMES
from tests.system.servers import free_port

MEDIAN_MS_MAX = 150
QUARANTINED = 50
NAME = "Large"

_QUERIES = {
    "": ("", "environment=sandbox"),
    "/reports": (
        "",
        "period=90d",
        *(f"split={split}" for split in ("partner", "link", "campaign", "country", "event")),
        *("split=sub_id", "split=partner&split=country&by=total", "by=hour&period=7d"),
        "split=partner&split=country&split=event&by=total&period=90d",
        "partner=Acme&partner=Bolt&country!=US&event=purchase&compare=previous",
        "split=campaign&by=total&period=90d&compare=previous&currency=USD",
        "split=country&by=total&period=28d&compare=previous&sort=difference&measure=installs",
        "split=partner&split=country&by=total&period=28d&compare=previous&sort=change",
    ),
    "/reports/activity": ("", "period=90d"),
    "/reports/retention": ("", "period=90d", "partner=Acme"),
    "/reports/cohorts": (
        "",
        "metric=ltv&span=day&period=90d",
        "metric=revenue&span=week&split=link&period=90d",
    ),
    "/reports/funnel": (
        "",
        "step=view&step=cart&step=purchase",
        "step=open&step=purchase&split=partner",
    ),
    "/reports/costs": ("",),
    "/reports/schedules": ("",),
    "/events/log": (
        *("", "event=purchase", "partner=Acme", "status=unmapped", "country=NZ", "user=USER"),
        *(
            "q=nobody-has-this",
            "link=Link+24",
            "q=USER",
            "event=purchase&country=NZ&partner=Harbor",
        ),
    ),
    "/events/log.json": ("",),
    "/events": ("",),
    "/users": ("", "q=purchase"),
    "/users/timeline": ("user_id=USER",),
    "/why": ("q=ORGANIC", "q=USER", "address=ADDRESS&time=TIME"),
    "/how-attribution-works": ("",),
    "/links": ("",),
    "/links/LINK": ("",),
    "/links/LINK/day": ("day=DAY",),
    "/links/LINK/test": ("",),
    "/integration": ("", "minutes=10"),
    "/callbacks": ("",),
    "/callbacks/log": ("",),
    "/alerts": ("",),
    "/protection": ("",),
    "/protection/log": ("",),
    "/protection/enforcement": ("",),
    "/privacy": ("",),
    "/settings": ("",),
    "/past": ("",),
    "/reports.csv": ("split=campaign&by=day&period=90d",),
    "/reports/cohorts.csv": ("metric=ltv&span=day&period=90d",),
    "/events.ndjson": ("period=90d",),
}
_OTHERS = (
    *("/apps", "/partners", "/receipts/RECEIPT", "/operations", "/operations/quarantine"),
    *("/operations/jobs", "/audit", "/audit?action=token", "/audit.csv", "/people", "/keys"),
    "/account",
)
_API = (
    *("", "/overview", "/report", "/report?split=campaign&by=total", "/active-users", "/retention"),
    *("/cohorts?metric=ltv", "/funnel?step=view&step=purchase", "/links"),
)


def build(resources: Resources, events: int) -> App:
    """Creates the app and its rows, and rolls them up."""
    connection, began_at = resources.connection, time.monotonic()
    connection.execute("SET statement_timeout = 0; SET synchronous_commit = off")
    connection.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
    app = create_app(resources, ADMIN, NAME)
    for done in fill(connection, LargeApp(app.id, events, datetime.now(UTC))):
        print(f"{done} after {time.monotonic() - began_at:.0f} s", flush=True)
    for number in range(QUARANTINED):
        receipt = new_receipt(now_ms() + number)
        put_aside(connection, event(app_id=app.id, event_id="purchase", receipt=receipt))
    connection.execute("VACUUM (ANALYZE)")
    size = "SELECT pg_database_size(current_database())"
    ((size_bytes,),) = connection.execute(size).fetchall()
    took = time.monotonic() - began_at
    print(f"built after {took:.0f} s, {size_bytes / 1e9:.1f} GB", flush=True)
    return app


def pages(resources: Resources, app: App) -> Iterator[Page]:
    """Yields every page, with the names and numbers of real rows."""
    connection = resources.connection
    known = _subjects(connection, app)

    def named(path: str) -> str:
        for word, value in known.items():
            path = path.replace(word, value)
        return path

    person = create_person(connection, ADMIN, f"Ada {time.time_ns()}", Role.ADMIN)
    session = open_session(connection, resources.secret_key, person)
    cookie = {"Cookie": f"waybill={session}"}
    for path in _OTHERS:
        yield Page(named(path), cookie, path == "/audit.csv")
    for path, queries in _QUERIES.items():
        for query in queries:
            address = f"/apps/{app.id}{path}" + (f"?{query}" if query else "")
            yield Page(named(address), cookie, path == "/events.ndjson")
    name = f"measuring {time.time_ns()}"
    key = create_key(connection, resources.secret_key, ADMIN, name, Role.VIEWER)
    for path in _API:
        address = f"/api/v1/apps/{app.id}{path}"
        yield Page(address, {"Authorization": f"Bearer {key.secret}"})


def _subjects(connection: Connection, app: App) -> dict[str, str]:
    """Chooses the user with most events of a link, an organic one, a link, a receipt, a place."""
    busiest = """
        SELECT user_id, users.id FROM users
        JOIN attributions ON user_ref = users.id AND origin_kind = 'link'
        WHERE app_id = %s AND users.id < 20000
        ORDER BY (SELECT count(*) FROM signals WHERE signals.user_ref = users.id) DESC LIMIT 1
    """
    organic = """
        SELECT user_id, address, sightings.event_time FROM users
        JOIN attributions ON user_ref = users.id AND rule = 'organic'
        JOIN sightings ON sightings.user_ref = users.id
        WHERE users.app_id = %s AND users.id < 20000 ORDER BY first_time DESC LIMIT 1
    """
    ((user, number),) = connection.execute(busiest, (app.id,)).fetchall()
    ((lone, address, at),) = connection.execute(organic, (app.id,)).fetchall()
    last = "SELECT receipt FROM signals WHERE user_ref = %s ORDER BY event_time DESC LIMIT 1"
    ((receipt,),) = connection.execute(last, (number,)).fetchall()
    ((link,),) = connection.execute("SELECT min(id) FROM links WHERE app_id = %s", (app.id,))
    return {
        "USER": user,
        "ORGANIC": lone,
        "ADDRESS": address,
        "TIME": at.isoformat(timespec="minutes").replace("+00:00", "Z"),
        "RECEIPT": str(receipt),
        "LINK": str(link),
        "DAY": f"{at:%Y-%m-%d}",
    }


def main(arguments: Sequence[str]) -> int:
    """Runs the measurement; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measures every page with a large app.")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--only", default="", help="measure paths with this text alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="measure-pages-") as folder:
        return _run(options.data or Path(folder) / "data", options.events, options.only)


def _run(data: Path, events: int, only: str) -> int:
    listen = Listen("127.0.0.1", free_port())

    def prepare(database_url: str, _redis_url: str) -> None:
        with connect(database_url, "tests") as connection:
            migrate(connection, finish=True)

    with (
        Stack(data, {}, Plan((console(listen),), prepare), print) as stack,
        connect(stack.database_url, "tests") as connection,
    ):
        secret_key = stack.folder.secret_key().encode()
        resources = Resources(connection, connect_redis(stack.redis_url, NAMES), secret_key)
        known = [app for app in list_apps(connection) if app.name == NAME]
        app = known[0] if known else build(resources, events)
        every = [page for page in pages(resources, app) if only in page.path]
        return report(listen, every, [stack.pids[name] for name in ("console", "postgres")])


def report(listen: Listen, every: Sequence[Page], pids: Sequence[int]) -> int:
    """Measures the pages and prints a line for each; returns the exit status."""
    timings = []
    print(f"load {os.getloadavg()[0]:.1f}\n median    p95    CPU of console, PostgreSQL (ms)")
    for page in every:
        timings.append(timing := measure(listen, page, pids))
        mark = " *" if timing.median_ms > MEDIAN_MS_MAX else ""
        times = f"{timing.median_ms:7.0f} {timing.high_ms:6.0f} "
        times += f"{timing.console_ms:6.0f} {timing.postgres_ms:6.0f}"
        print(f"{times}  {page.path}{mark}", flush=True)
    slow = [timing for timing in timings if timing.median_ms > MEDIAN_MS_MAX]
    middle = statistics.median(timing.median_ms for timing in timings)
    print(f"{len(timings)} pages, the median of their medians is {middle:.0f} ms; {len(slow)} are")
    print(f"above {MEDIAN_MS_MAX} ms; load {os.getloadavg()[0]:.1f}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
