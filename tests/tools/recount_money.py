"""Recounts reports, saved views, cohorts and costs from the raw rows of many generated events.

    python -m tests.tools.recount_money --events 200000

Stores the events as workers do, rolls them up, and compares every cohort (by day, week and month,
by partner and link, retention, LTV and revenue), every day's cost, saved views with several
breakdowns, filters and exclusions, retention and funnels with a recount in Python.
Prints how many values agree and how long it took; an AssertionError names the first that differs.
"""

import argparse
import tempfile
import time
from pathlib import Path

from console.apps.apps import create_app
from console.resources import Resources
from deploy.stack import Plan, Stack
from shared.clock import now_ms
from shared.database import connect
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.redis import connect as connect_redis
from tests.integration.counted import count_all, store
from tests.integration.recount_funnels import assert_funnels_are_those_of_raw_rows
from tests.integration.recount_money import (
    assert_cohorts_are_those_of_raw_rows,
    assert_costs_are_those_of_raw_rows,
    make_links,
)
from tests.integration.recount_views import (
    assert_changes_are_those_of_raw_rows,
    assert_retention_is_that_of_raw_rows,
    assert_views_are_those_of_raw_rows,
)
from tests.support.build import ADMIN
from tests.support.money import Traffic, generate_traffic
from tests.support.redis_names import NAMES

AT_ONCE = 1_000
KEY = b"a key of the recount, long enough to be one"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    arguments.add_argument("--events", type=int, default=200_000)
    count = arguments.parse_args().events
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), {}, Plan(), print) as stack,
        connect(stack.database_url, "recount") as connection,
    ):
        migrate(connection, finish=True)
        make_partitions(connection, now_ms())
        resources = Resources(connection, connect_redis(stack.redis_url, NAMES), KEY)
        app = create_app(resources, ADMIN, "Shop", "abc123def456")
        links = make_links(connection, app.id)
        began = time.monotonic()
        events = list(generate_traffic(Traffic(app.id, links, count)))
        for start in range(0, len(events), AT_ONCE):
            store(connection, *events[start : start + AT_ONCE])
        print(f"{len(events):,} events stored in {time.monotonic() - began:.0f} s", flush=True)
        count_all(connection, 3_600)
        print(f"rolled up after {time.monotonic() - began:.0f} s", flush=True)
        values = assert_cohorts_are_those_of_raw_rows(connection, app)
        costs = assert_costs_are_those_of_raw_rows(connection, app)
        print(f"{values:,} values of cohorts and {costs:,} days of costs agree", flush=True)
        views = assert_views_are_those_of_raw_rows(connection, app)
        returned = assert_retention_is_that_of_raw_rows(connection, app)
        print(f"{views:,} values of saved views and {returned:,} of retention agree", flush=True)
        changes = assert_changes_are_those_of_raw_rows(connection, app)
        print(f"{changes:,} values of names that are compared agree", flush=True)
        users = assert_funnels_are_those_of_raw_rows(connection, app)
        print(f"{users:,} users at steps of funnels agree")


if __name__ == "__main__":
    main()
