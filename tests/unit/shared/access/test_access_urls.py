"""The URLs of each program, in files of their own."""

from pathlib import Path

import pytest

from shared.access.access_urls import (
    ACCESS_KEYS,
    AccessFolder,
    AccessKey,
    BadCredentials,
    Login,
    Store,
    login_of,
    with_login,
)
from shared.access.grantees import Grantee

OWNER = {
    Store.REDIS: "redis://:hush@redis:6379/0",
    Store.DATABASE: "postgresql://waybill:hush@db:5432/waybill?sslmode=require",
}
INGEST = AccessKey(Grantee.INGEST, Store.REDIS)
WORKERS = AccessKey(Grantee.WORKERS, Store.DATABASE)


@pytest.fixture
def folder(tmp_path: Path) -> AccessFolder:
    return AccessFolder(tmp_path / "access")


def test_each_program_gets_a_file_for_each_store_that_it_opens(folder: AccessFolder) -> None:
    folder.make(OWNER)

    assert sorted(path.name for path in folder.path.iterdir()) == [
        *("console_database_url", "console_redis_url", "ingest_redis_url"),
        *("metrics_database_url", "metrics_redis_url"),
        *("workers_database_url", "workers_redis_url"),
    ]


def test_only_its_owner_reads_the_files(folder: AccessFolder) -> None:
    folder.make(OWNER)

    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}


def test_each_has_a_user_and_a_password_of_its_own_and_nothing_of_the_owners(
    folder: AccessFolder,
) -> None:
    folder.make(OWNER)
    logins = folder.logins()

    assert {key for key, _ in logins} == set(ACCESS_KEYS)
    assert len({login.password for _, login in logins}) == len(logins)
    assert all(len(login.password) == 64 for _, login in logins)
    assert dict(logins)[WORKERS].name == "waybill_workers"
    assert not any("hush" in path.read_text() for path in folder.path.iterdir())


def test_files_that_are_there_are_kept(folder: AccessFolder) -> None:
    folder.path.mkdir()
    (folder.path / WORKERS.file_name).write_text("postgresql://w:secret@pooler/waybill\n")

    folder.make(OWNER)

    assert folder.url(WORKERS) == "postgresql://w:secret@pooler/waybill"
    assert dict(folder.logins())[WORKERS] == Login("w", "secret")


def test_a_store_that_moves_takes_its_users_along(folder: AccessFolder) -> None:
    folder.make(OWNER)
    before = dict(folder.logins())

    folder.make({Store.REDIS: "unix:///run/other.sock?db=0"}, move=True)

    assert dict(folder.logins()) == before
    assert "@/run/other.sock?db=0" in (folder.url(INGEST) or "")
    assert "@db:5432/waybill?sslmode=require" in (folder.url(WORKERS) or "")


@pytest.mark.parametrize(
    "url", ["postgresql://db/waybill", "postgresql://Per%20son:x@db/w", "postgresql://a:%C3%A9@d/w"]
)
def test_a_file_without_a_usable_user_is_refused_without_its_content(
    folder: AccessFolder, url: str
) -> None:
    folder.path.mkdir()
    (folder.path / WORKERS.file_name).write_text(url)

    with pytest.raises(BadCredentials) as refused:
        folder.logins()

    assert WORKERS.file_name in refused.value.message
    assert "db/w" not in refused.value.message


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadCredentials, match="file"):
        AccessFolder(tmp_path / "file").make(OWNER)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://redis:6379/0", "redis://u:p%40@redis:6379/0"),
        ("redis://:hush@redis/0", "redis://u:p%40@redis/0"),
        ("unix:///run/v.sock?db=0", "unix://u:p%40@/run/v.sock?db=0"),
        ("postgresql:///w?host=%2Frun&user=x&password=y", "postgresql://u:p%40@/w?host=%2Frun"),
        ("postgresql://a:b@h1:1,h2:2/w", "postgresql://u:p%40@h1:1,h2:2/w"),
        (
            "redis+sentinel://a:b@h1:1,h2:2/n/0?sentinel_password=s",
            "redis+sentinel://u:p%40@h1:1,h2:2/n/0?sentinel_password=s",
        ),
    ],
)
def test_a_url_gets_another_user_and_keeps_the_rest(url: str, expected: str) -> None:
    assert with_login(url, Login("u", "p@")) == expected
    assert login_of(expected) == Login("u", "p@")
