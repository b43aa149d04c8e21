"""The quiet replay: the same events, once, to a product that nobody disturbs; then compared.

What was stored is sent again, in the order of its keys. Times are in the requests, so decisions
and rollups have to be the same, whatever was broken and in whatever order things arrived.
"""

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psycopg

from tests.chaos.machine.journal import Told
from tests.chaos.machine.machine import Machine, furnish
from tests.chaos.machine.stores import Redis
from tests.system.product import Waybill
from tests.system.servers import until
from tests.system.traffic import get, send

CONNECTIONS = 24
SETTLED_SECONDS_MAX = 150
_DATABASE = "quiet"

_USER = "apps.name, users.user_id"
_OF_USER = "JOIN users ON users.id = {}.user_ref JOIN apps ON apps.id = users.app_id"
# A click's ID is made from its receipt, which is another one in a replay.
_CLICK = "clicks.parameters->>'pub_click_id'"

TABLES = {
    "events": "SELECT apps.name, idempotency_key, kind, user_id, event_id, event_type_id, "
    "event_time, sale_amount, counted FROM events JOIN apps ON apps.id = events.app_id",
    "clicks": f"SELECT {_CLICK}, kind, origin, address, device_ids, "
    "CASE WHEN parameters ? 'campaign' THEN event_time END FROM clicks",
    "users": f"SELECT {_USER}, first_time, ARRAY(SELECT unnest(device_ids) ORDER BY 1) "
    "FROM users JOIN apps ON apps.id = users.app_id",
    "attributions": f"SELECT {_USER}, attributions.event_time, rule, {_CLICK}, "
    "attributions.origin_kind, attributions.origin, considered, is_reattribution "
    f"FROM attributions {_OF_USER.format('attributions')} "
    "LEFT JOIN clicks ON clicks.click_id = attributions.click_id WHERE superseded_at IS NULL",
    "sessions": f"SELECT {_USER}, start_time, last_activity, opens, events "
    f"FROM sessions {_OF_USER.format('sessions')}",
    "activity": f"SELECT {_USER}, day FROM activity {_OF_USER.format('activity')}",
    "figures": "SELECT * FROM figures",
    "reach": "SELECT * FROM reach",
    "comebacks": "SELECT * FROM comebacks",
    "traffic": "SELECT * FROM traffic",
    "earnings": "SELECT * FROM earnings",
}
DECISIONS = ("users", "attributions", "sessions", "activity")
ROLLUPS = ("figures", "reach", "comebacks", "traffic", "earnings")
_UNSETTLED = ("stale_periods", "set_aside_users", "due_decisions", "unfinished_decisions")


class ReplayFailed(Exception):
    """The quiet product refused or did not settle: nothing can be compared."""


def replayed(machine: Machine, stored: Iterable[Told], seed: int) -> str:
    """The database of a quiet product that was sent these."""
    machine.run(f"DROP DATABASE IF EXISTS {_DATABASE}")
    machine.run(f"CREATE DATABASE {_DATABASE}")
    url = machine.postgres.url.replace("/postgres", f"/{_DATABASE}")
    folder = machine.folder / "quiet"
    folder.mkdir()
    redis = Redis(folder)
    redis.make()
    redis.start()
    waybill = Waybill(folder / "data", {"DATABASE_URL": url, "REDIS_URL": redis.url})
    try:
        waybill.wait_until_ready()
        _send(waybill, furnish(waybill), list(stored), seed)
        waybill.wait_until_drained()
        wait_until_settled(url)
    finally:
        waybill.stop()
        redis.stop()
    return url


def wait_until_settled(url: str) -> None:
    """Every decision made, every rollup calculated."""
    left: dict[str, int] = {}

    def is_settled() -> bool:
        with psycopg.connect(url) as connection:
            for table in _UNSETTLED:
                row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
                left[table] = row[0] if row else 0
        return not any(left.values())

    try:
        until(is_settled, SETTLED_SECONDS_MAX, "decisions and rollups being complete")
    except AssertionError as error:
        raise ReplayFailed(f"{error}: {left}") from error


def _send(waybill: Waybill, tokens: dict[str, str], stored: list[Told], seed: int) -> None:
    """In an order of its own."""
    random.Random(seed).shuffle(stored)
    requests = [
        get(one.target, "" if one.kind == "redirect" else f"Authorization: {tokens[one.app]}\r\n")
        for one in stored
    ]
    log = send(waybill.port, requests, CONNECTIONS)
    if log.broken or not set(log.statuses()) <= {200, 302}:
        raise ReplayFailed(f"{log.statuses()}, {log.broken} broken connections")


def differences(one: str, other: str, folder: Path) -> dict[str, int]:
    """How many rows of each table are in one database and not in the other. Rows go to a file."""
    counts = {}
    for table, query in TABLES.items():
        first, second = _rows(one, query), _rows(other, query)
        only = [f"- {row}" for row in (first - second).elements()]
        only += [f"+ {row}" for row in (second - first).elements()]
        counts[table] = len(only)
        if only:
            (folder / f"differs-{table}").write_text("\n".join(only))
    return counts


def _rows(url: str, query: str) -> Counter[str]:
    statement = f"SELECT row_to_json(told)::text FROM ({query}) AS told"
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        return Counter(str(text) for (text,) in connection.execute(statement.encode()))
