"""The logins of all programs, in real stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.access.access_urls import AccessFolder, AccessKey, Store
from shared.access.grantees import DATABASE_GRANTEES, Grantee
from shared.access.program_logins import create_logins, stored_logins
from shared.database import Connection, connect
from shared.redis import Redis
from shared.redis import connect as connect_redis
from tests.support.redis_names import NAMES


@pytest.fixture
def folder(
    connection: Connection, redis: Redis, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[AccessFolder]:
    """Credentials of every program, whose users exist."""
    folder = AccessFolder(tmp_path / "access")
    folder.make({Store.REDIS: redis_url, Store.DATABASE: database_url})
    create_logins(connection, [redis], folder)
    yield folder
    remove_logins(connection, redis)


def remove_logins(connection: Connection, redis: Redis) -> None:
    for _, store, name in stored_logins(connection):
        if store is Store.REDIS:
            redis.acl_deluser(name)
        else:
            connection.execute(f"DROP OWNED BY {name}".encode())
            connection.execute(f"DROP ROLE {name}".encode())
    connection.execute("DELETE FROM program_logins")


@pytest.fixture(params=DATABASE_GRANTEES)
def database_grantee(request: pytest.FixtureRequest) -> Grantee:
    return Grantee(request.param)


@pytest.fixture
def as_role(folder: AccessFolder, database_grantee: Grantee) -> Iterator[Connection]:
    """A connection of the program."""
    url = folder.url(AccessKey(database_grantee, Store.DATABASE))
    assert url
    with connect(url, "tests") as connection:
        yield connection


@pytest.fixture(params=Grantee)
def redis_grantee(request: pytest.FixtureRequest) -> Grantee:
    return Grantee(request.param)


@pytest.fixture
def as_user(folder: AccessFolder, redis_grantee: Grantee) -> Iterator[Redis]:
    """A connection of the program to Redis."""
    url = folder.url(AccessKey(redis_grantee, Store.REDIS))
    assert url
    redis = connect_redis(url, NAMES)
    yield redis
    redis.close()
