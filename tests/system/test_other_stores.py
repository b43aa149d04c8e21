"""Stores that somebody else has set up: of another encoding, or with a password that is not ours.

Imports nothing of the product.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psycopg
import pytest

from tests.system.conftest import Running, make_token
from tests.system.product import START_SECONDS_MAX, WAYBILL, Waybill
from tests.system.servers import Postgres, Redis, until
from tests.system.traffic import get, send

SECRET = "s3cret of the store"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Redis]]:
    with ExitStack() as ending:
        folder = ending.enter_context(TemporaryDirectory(prefix="waybill-postgres-"))
        postgres, redis = Postgres(Path(folder)), Redis(tmp_path_factory.mktemp("redis"))
        postgres.make()
        for store in (postgres, redis):
            ending.callback(store.stop)
            store.start()
        until(lambda: answers(postgres), START_SECONDS_MAX, "PostgreSQL answering")
        yield postgres, redis


def answers(postgres: Postgres) -> bool:
    try:
        psycopg.connect(postgres.url).close()
    except psycopg.OperationalError:  # it is starting up
        return False
    return True


def variables(database: str, redis: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "REDIS_URL": redis, "WAYBILL_SECRET_KEY": "7f" * 32}


def made(postgres: Postgres, name: str, encoding: str, *settings: str) -> str:
    """Makes a database of this encoding, and returns its URL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'"
        )
        for setting in settings:
            connection.execute(f"ALTER DATABASE {name} SET {setting}")
    return postgres.url.removesuffix("postgres") + name


def waybill(data: Path, database: str, redis: str, *arguments: str) -> str:
    """Runs a command that has to be refused, and returns what it says."""
    done = subprocess.run(
        [WAYBILL, "--data", str(data), *arguments],
        env={**os.environ, **variables(database, redis)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode not in (0, -9), said
    assert "Traceback" not in said
    return " ".join(said.split())


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
@pytest.mark.parametrize("command", ["migrate", "up"])
def test_a_database_of_another_encoding_is_refused_by_name_and_stays_empty(
    stores: tuple[Postgres, Redis], tmp_path: Path, encoding: str, command: str
) -> None:
    postgres, redis = stores
    url = made(postgres, f"{encoding}_{command}".lower(), encoding)

    said = waybill(tmp_path / "data", url, redis.url, command)

    assert f"stores text as {encoding}" in said
    assert "ENCODING 'UTF8'" in said
    with psycopg.connect(url) as connection:
        [tables] = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'events'")
    assert tables == (0,)


@pytest.mark.parametrize("encoding", ["WIN1252", "SQL_ASCII"])
def test_the_encoding_that_a_database_gives_its_clients_changes_no_text(
    stores: tuple[Postgres, Redis], tmp_path: Path, encoding: str
) -> None:
    postgres, redis = stores
    setting = f"client_encoding = '{encoding}'"
    url = made(postgres, f"utf8_{encoding}".lower(), "UTF8", setting)
    database = f"{redis.url.removesuffix('/0')}/{1 + (encoding == 'WIN1252')}"
    with Waybill(tmp_path / "data", variables(url, database), workers=1) as product:
        running = Running(product, make_token(product))
        for user in ("Zoë", "Мария", "美咲"):
            target = f"/postback?s2s_token={running.token}&event_id=purchase&user_id={quote(user)}"
            (answer,) = send(running.port, [get(target)], connections=1).answers
            event = product.recorded_event(answer.headers["waybill-receipt"])
            assert event["user_id"] == user
            assert product.json("user", "Shop", user)["user_id"] == user
    with psycopg.connect(url, client_encoding="utf8") as connection:
        rows = connection.execute("SELECT user_id FROM events UNION ALL SELECT user_id FROM users")
        assert sorted(user for (user,) in rows) == sorted(("Zoë", "Мария", "美咲") * 2)


@pytest.mark.parametrize(
    ("command", "given"), [("migrate", "another"), ("up", "another"), ("up", None)]
)
def test_a_wrong_password_of_redis_is_said_to_be_wrong(
    stores: tuple[Postgres, Redis], tmp_path: Path, command: str, given: str | None
) -> None:
    postgres, _ = stores
    url = made(postgres, f"password_{command}_{given}".lower(), "UTF8")
    guarded = Guarded(tmp_path)
    guarded.start()
    try:
        address = f"127.0.0.1:{guarded.port}/0"
        user = "" if given is None else f":{given}@"
        said = waybill(tmp_path / "data", url, f"redis://{user}{address}", command)
    finally:
        guarded.stop()

    assert "Redis refused the user or the password in REDIS_URL" in said
    assert "once Redis answers" not in said
    for secret in (given or SECRET, SECRET):
        assert secret not in said


class Guarded(Redis):
    """A Redis that asks for a password."""

    def argv(self) -> list[str]:
        return [*super().argv(), "--requirepass", SECRET]


def test_the_right_password_of_redis_is_taken(
    stores: tuple[Postgres, Redis], tmp_path: Path
) -> None:
    postgres, _ = stores
    url = made(postgres, "password_right", "UTF8")
    guarded = Guarded(tmp_path)
    guarded.start()
    try:
        address = f"redis://:{quote(SECRET)}@127.0.0.1:{guarded.port}/0"
        done = subprocess.run(
            [WAYBILL, "--data", str(tmp_path / "data"), "migrate", "--json"],
            env={**os.environ, **variables(url, address)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    finally:
        guarded.stop()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
