"""Tests that each program of `waybill up` runs with a login of its own, and is refused the rest.

Imports nothing of the product.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from tests.system.conftest import Running, make_token
from tests.system.product import Waybill
from tests.system.servers import until
from tests.system.traffic import get, send

PROGRAMS = {
    "ingest": "ingest.app:get_app",
    "workers": "rq.cli",
    "console": "console.web.app:get_app",
    "metrics": "console.metrics.app:get_app",
}
SECONDS_MAX = 20
# What another program may do, or nobody.
REFUSED_BY_REDIS: dict[str, list[tuple[str, ...]]] = {
    "ingest": [("XRANGE", "waybill:inbox", "-", "+"), ("SET", "waybill:snapshot", "forged")],
    "workers": [("CONFIG", "GET", "*"), ("GET", "waybill:bad_tokens")],
    "console": [("XREADGROUP", "GROUP", "g", "c", "STREAMS", "waybill:inbox", ">")],
    "metrics": [("SET", "waybill:inbox:events", "0"), ("XADD", "waybill:inbox", "*", "a", "b")],
}
REFUSED_BY_POSTGRESQL = {
    "workers": ["SELECT FROM people", "UPDATE apps SET name = ''"],
    "console": ["DELETE FROM events", "SELECT FROM unique_events"],
    "metrics": ["SELECT FROM events", "DELETE FROM quarantine"],
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("logins") / "data"
    with Waybill(data, metrics=True, console=True) as waybill:
        running = Running(waybill, make_token(waybill))
        record(running)
        yield running


def record(running: Running) -> None:
    """Sends an event and waits until it is recorded: ingest, RQ and workers did their parts.

    While Redis is away it is sent again, as the 503 tells senders.
    """
    target = f"/postback?s2s_token={running.token}&user_id=u&event_id=purchase"
    receipts: list[str] = []

    def is_accepted() -> bool:
        receipts.extend(send(running.port, [get(target)], connections=1).receipts())
        return bool(receipts)

    until(is_accepted, SECONDS_MAX, "the acceptance of an event")
    running.waybill.recorded_event(receipts[0])


def environment(waybill: Waybill, program: str) -> dict[str, str]:
    return dict(waybill.children(PROGRAMS[program])[0].environ())


def owner(waybill: Waybill) -> dict[str, Any]:
    return dict(json.loads((waybill.data / "addresses.json").read_text()))


def users_of_redis(waybill: Waybill) -> set[str]:
    with redis.Redis.from_url(owner(waybill)["redis_url"]) as client:
        return {each["user"] for each in client.client_list()}


def test_the_stores_see_each_program_by_its_own_name(running: Running) -> None:
    for port in (running.waybill.metrics_port, int(running.waybill.console_url[-5:])):
        send(port, [get("/health/live"), get("/metrics")], connections=1)
    with psycopg.connect(owner(running.waybill)["database_url"]) as connection:
        rows = connection.execute(
            "SELECT application_name, usename FROM pg_stat_activity WHERE datname = 'waybill' "
            "AND application_name LIKE 'waybill %'"
        ).fetchall()

    assert {("waybill worker", "waybill_workers")} <= set(rows)
    assert {name for _, name in rows} <= {"waybill_workers", "waybill_console", "waybill_metrics"}
    users = users_of_redis(running.waybill)
    assert {"waybill_ingest", "waybill_workers", "waybill_metrics"} <= users


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_told_its_own_logins_and_no_others(running: Running, program: str) -> None:
    told = environment(running.waybill, program)

    assert f"//waybill_{program}:" in told["REDIS_URL"]
    if program == "ingest":
        assert not {"DATABASE_URL", "DATABASE_URL_FILE"} & told.keys()
    else:
        assert f"//waybill_{program}:" in told["DATABASE_URL"]
    others = "".join(
        file.read_text()
        for file in (running.waybill.data / "access").iterdir()
        if not file.name.startswith(program)
    )
    given = " ".join(told.values())
    assert not any(line in given for line in others.splitlines())
    assert owner(running.waybill)["redis_url"] not in given


@pytest.mark.parametrize("program", REFUSED_BY_REDIS)
def test_redis_refuses_a_program_what_is_anothers(running: Running, program: str) -> None:
    with redis.Redis.from_url(environment(running.waybill, program)["REDIS_URL"]) as client:
        for words in [*REFUSED_BY_REDIS[program], ("FLUSHALL",), ("ACL", "LIST")]:
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*words)
        # RESET makes a connection that of the default user, who has a password of its own.
        connection = client.connection_pool.get_connection()
        connection.send_command("RESET")
        assert connection.read_response() == b"RESET"
        connection.send_command("GET", "waybill:snapshot")
        with pytest.raises(redis.exceptions.AuthenticationError):
            connection.read_response()


@pytest.mark.parametrize("program", REFUSED_BY_POSTGRESQL)
def test_postgresql_refuses_a_program_what_is_anothers(running: Running, program: str) -> None:
    url = environment(running.waybill, program)["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (*REFUSED_BY_POSTGRESQL[program], "CREATE TABLE public.more (a int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_no_password_is_on_a_command_line_in_a_log_or_in_a_file_for_others(
    running: Running,
) -> None:
    waybill = running.waybill
    files = list((waybill.data / "access").iterdir())
    family = psutil.Process(waybill.process.pid).children(recursive=True)
    lines = " ".join(" ".join(child.cmdline()) for child in family)
    shown = waybill.logs() + lines
    secrets = [file.read_text().partition("//")[2].partition("@")[0] for file in files]

    assert len(files) == 7
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert (waybill.data / "valkey" / "users.acl").stat().st_mode & 0o777 == 0o600
    for secret in secrets:
        assert secret.partition(":")[2] not in shown


def test_a_redis_that_was_killed_knows_every_program_again(running: Running) -> None:
    (server,) = running.waybill.children("valkey-server")
    server.kill()
    until(lambda: not server.is_running(), SECONDS_MAX, "its end")

    record(running)
    assert running.waybill.json("access", "check")["discrepancies"] == []


def test_a_folder_of_the_version_before_gets_logins_at_its_next_start(tmp_path: Path) -> None:
    with Waybill(tmp_path / "data", console=True) as before:
        token = make_token(before)
        record(Running(before, token))
        with psycopg.connect(owner(before)["database_url"], autocommit=True) as connection:
            connection.execute("DELETE FROM program_logins")
            for role in ("waybill_workers", "waybill_console", "waybill_metrics"):
                connection.execute(f"DROP OWNED BY {role}".encode())
                connection.execute(f"DROP ROLE {role}".encode())
    shutil.rmtree(before.data / "access")
    (before.data / "valkey" / "users.acl").unlink()

    with Waybill(tmp_path / "data", console=True) as after:
        record(Running(after, token))
        assert after.json("access", "check")["discrepancies"] == []
        assert "//waybill_console:" in environment(after, "console")["DATABASE_URL"]
