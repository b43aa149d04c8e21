"""Creates, extends and checks the logins of the programs."""

from pathlib import Path

import pytest

from shared.access.access_urls import AccessFolder, AccessKey, Login, Store, with_login
from shared.access.grantees import Grantee
from shared.access.program_logins import (
    check_logins,
    create_logins,
    extend_logins,
    stored_logins,
)
from shared.access.redis_users import save_users
from shared.access.roles import RoleNotCreated
from shared.database import Connection, DatabaseError, connect
from shared.redis import Redis, RedisError
from shared.redis import connect as connect_redis
from tests.integration.shared.access.conftest import remove_logins
from tests.support.redis_names import NAMES

WORKERS_ROLE = "waybill_workers"
WORKERS_USER = "waybill_workers"


def set_user(redis: Redis, *rules: str) -> None:
    redis.execute_command("ACL SETUSER", WORKERS_USER, *rules)  # type: ignore[no-untyped-call]


def said(connection: Connection, redis: Redis) -> list[str]:
    return [str(each) for each in check_logins(connection, [redis])]


@pytest.mark.usefixtures("folder")
def test_what_was_created_is_what_is_declared(connection: Connection, redis: Redis) -> None:
    assert len(stored_logins(connection)) == 7
    assert said(connection, redis) == []


def test_creating_twice_changes_nothing_and_ends_nobodys_session(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    files = {path.name: path.read_text() for path in folder.path.iterdir()}
    user = connect_redis(folder.url(AccessKey(Grantee.WORKERS, Store.REDIS)) or "", NAMES)
    user.ping()

    create_logins(connection, [redis], folder)

    assert user.get("waybill:inbox:events") is None
    assert {path.name: path.read_text() for path in folder.path.iterdir()} == files
    assert said(connection, redis) == []
    user.close()


def test_without_logins_nothing_is_granted_and_nothing_checked(
    connection: Connection, redis: Redis
) -> None:
    extend_logins(connection, [redis])

    assert check_logins(connection, [redis]) == []
    assert redis.acl_users() == [b"default"] or redis.acl_users() == ["default"]


def test_what_is_too_much_is_named_and_taken_away(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    connection.execute(f"GRANT SELECT ON people TO {WORKERS_ROLE}".encode())
    connection.execute(f"GRANT TRUNCATE ON events TO {WORKERS_ROLE}".encode())
    set_user(redis, "+flushall", "~other:*")

    assert said(connection, redis) == [
        f"postgresql: {WORKERS_ROLE} has beyond what it needs: TRUNCATE on table events",
        f"postgresql: {WORKERS_ROLE} has beyond what it needs: SELECT on table people",
        f"redis: {WORKERS_USER} has beyond what it needs: +flushall",
        f"redis: {WORKERS_USER} has beyond what it needs: ~other:*",
    ]

    create_logins(connection, [redis], folder)

    assert said(connection, redis) == []


def test_creating_takes_nothing_while_programs_of_the_version_before_run(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    key = AccessKey(Grantee.WORKERS, Store.REDIS)
    url = with_login(folder.url(key) or "", Login(WORKERS_USER, "another"))
    (folder.path / key.file_name).write_text(url)
    connection.execute(f"GRANT SELECT ON people TO {WORKERS_ROLE}".encode())
    connection.execute(f"REVOKE INSERT ON events FROM {WORKERS_ROLE}".encode())
    set_user(redis, "~other:*", "-xadd")

    create_logins(connection, [redis], folder, revoke=False)

    assert said(connection, redis) == [
        f"postgresql: {WORKERS_ROLE} has beyond what it needs: SELECT on table people",
        f"redis: {WORKERS_USER} has beyond what it needs: ~other:*",
    ]
    user = connect_redis(url, NAMES)
    assert user.ping()
    user.close()


@pytest.mark.usefixtures("folder")
def test_what_is_missing_is_named_and_granted(connection: Connection, redis: Redis) -> None:
    connection.execute(f"REVOKE INSERT ON events FROM {WORKERS_ROLE}".encode())
    set_user(redis, "-xadd")

    found = said(connection, redis)
    assert f"postgresql: {WORKERS_ROLE} lacks: INSERT on table events" in found
    assert f"redis: {WORKERS_USER} lacks: +xadd" in found

    extend_logins(connection, [redis])

    assert f"postgresql: {WORKERS_ROLE} lacks: INSERT on table events" not in said(
        connection, redis
    )
    assert not [line for line in said(connection, redis) if "lacks" in line]


def test_a_migration_takes_nothing_until_the_upgrade_is_finished(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    """Programs of the version before may still need it."""
    connection.execute(f"GRANT SELECT ON people TO {WORKERS_ROLE}".encode())
    set_user(redis, "~other:*")

    extend_logins(connection, [redis])
    assert len(said(connection, redis)) == 2

    extend_logins(connection, [redis], revoke=True)
    assert said(connection, redis) == []
    user = connect_redis(folder.url(AccessKey(Grantee.WORKERS, Store.REDIS)) or "", NAMES)
    assert user.ping()
    user.close()


def test_a_user_that_redis_has_lost_is_named_and_is_not_made_without_a_password(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    redis.acl_deluser(WORKERS_USER)

    extend_logins(connection, [redis])
    assert said(connection, redis) == [f"redis: {WORKERS_USER} lacks: user"]

    create_logins(connection, [redis], folder)
    assert said(connection, redis) == []


@pytest.mark.usefixtures("folder")
def test_a_power_over_the_server_is_named(connection: Connection, redis: Redis) -> None:
    connection.execute(f"ALTER ROLE {WORKERS_ROLE} CREATEROLE".encode())
    connection.execute(f"GRANT pg_read_server_files TO {WORKERS_ROLE}".encode())

    assert said(connection, redis) == [
        f"postgresql: {WORKERS_ROLE} has beyond what it needs: CREATEROLE",
        f"postgresql: {WORKERS_ROLE} has beyond what it needs: membership of pg_read_server_files",
    ]


@pytest.mark.usefixtures("connection")
def test_metrics_see_the_sessions_of_others(folder: AccessFolder) -> None:
    url = folder.url(AccessKey(Grantee.METRICS, Store.DATABASE)) or ""
    with connect(url, "metrics") as metrics:
        seen = metrics.execute(
            "SELECT state FROM pg_stat_activity WHERE application_name = 'waybill tests'"
        ).fetchall()

    assert ("idle",) in seen


def test_a_file_with_another_password_changes_the_user_to_it(
    folder: AccessFolder, connection: Connection, redis: Redis
) -> None:
    key = AccessKey(Grantee.WORKERS, Store.REDIS)
    url = with_login(folder.url(key) or "", Login("waybill_workers", "another"))
    (folder.path / key.file_name).write_text(url)

    create_logins(connection, [redis], folder)

    user = connect_redis(url, NAMES)
    assert user.ping()
    user.close()
    old = connect_redis(with_login(url, Login("waybill_workers", "the one before")), NAMES)
    with pytest.raises(RedisError, match=r"WRONGPASS|invalid username"):
        old.ping()
    old.close()


def test_an_owner_who_may_not_create_roles_says_what_an_administrator_has_to_do(
    connection: Connection, redis: Redis, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    folder = AccessFolder(tmp_path / "access")
    folder.make({Store.REDIS: redis_url, Store.DATABASE: database_url})
    connection.execute(b"CREATE ROLE modest LOGIN PASSWORD 'modest'")
    try:
        with connect(with_login(database_url, Login("modest", "modest")), "tests") as modest:
            modest.execute(b"SET search_path = public")
            with pytest.raises(RoleNotCreated, match="create waybill_workers with LOGIN"):
                create_logins(modest, [], folder)
    finally:
        connection.execute(b"DROP ROLE modest")
        remove_logins(connection, redis)


@pytest.mark.usefixtures("folder")
def test_a_role_has_a_password_that_no_statement_showed(connection: Connection) -> None:
    stored = connection.execute(
        "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (WORKERS_ROLE,)
    ).fetchone()

    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$4096:")


def test_a_redis_without_a_file_for_its_users_says_so(redis: Redis) -> None:
    has_file = bool(dict(redis.config_get("aclfile"))["aclfile"])

    assert save_users(redis) is has_file


def test_the_password_of_a_role_opens_the_database_where_the_server_asks_for_one(
    folder: AccessFolder,
) -> None:
    url = folder.url(AccessKey(Grantee.CONSOLE, Store.DATABASE)) or ""
    with connect(url, "tests") as connection:
        [(user,)] = connection.execute("SELECT current_user")
    assert user == "waybill_console"
    with pytest.raises(DatabaseError):
        connect(with_login(url, Login("nobody_at_all", "x")), "tests")
