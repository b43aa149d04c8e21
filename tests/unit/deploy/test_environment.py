"""Tests which variables replace a store, and which reach the children."""

from pathlib import Path

import pytest

from deploy.environment import (
    UnreadableUrl,
    child_environment,
    external_url,
    with_own_logins,
)
from shared.access.access_urls import AccessFolder, AccessKey, Store
from shared.access.grantees import DATABASE_GRANTEES, Grantee

KEY = "0" * 64


def test_a_url_replaces_the_embedded_store() -> None:
    assert external_url({"REDIS_URL": " redis://elsewhere\n"}, "REDIS_URL") == "redis://elsewhere"


@pytest.mark.parametrize("variables", [{}, {"REDIS_URL": ""}, {"REDIS_URL_FILE": ""}])
def test_nothing_between_the_quotes_replaces_nothing(variables: dict[str, str]) -> None:
    assert external_url(variables, "REDIS_URL") is None


def test_a_url_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://elsewhere\n")
    assert (
        external_url({"REDIS_URL_FILE": str(tmp_path / "url")}, "REDIS_URL") == "redis://elsewhere"
    )


def test_a_file_that_cannot_be_read_is_said_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(UnreadableUrl, match="REDIS_URL_FILE cannot be read: No such file"):
        external_url({"REDIS_URL_FILE": str(tmp_path / "none")}, "REDIS_URL")


def test_a_url_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://elsewhere")
    variables = {"REDIS_URL": "redis://here", "REDIS_URL_FILE": str(tmp_path / "url")}

    with pytest.raises(UnreadableUrl, match="REDIS_URL is set twice, also by REDIS_URL_FILE"):
        external_url(variables, "REDIS_URL")


def test_children_are_not_told_the_address_of_a_store_twice() -> None:
    told = {"DATABASE_URL_FILE": "/db", "REDIS_URL_FILE": "/redis"}
    variables = child_environment(told, "postgresql:///w", "unix:///v", lambda: KEY)

    assert not {"DATABASE_URL_FILE", "REDIS_URL_FILE"} & variables.keys()
    assert variables["DATABASE_URL"] == "postgresql:///w"


def test_children_get_the_stores_and_the_key_beside_the_callers_own() -> None:
    assert child_environment({"LANG": "C"}, "postgresql:///w", "unix:///v", lambda: KEY) == {
        "LANG": "C",
        "DATABASE_URL": "postgresql:///w",
        "REDIS_URL": "unix:///v",
        "WAYBILL_SECRET_KEY": KEY,
        "PYTHONUNBUFFERED": "1",
    }


def test_an_empty_key_is_no_key() -> None:
    variables = child_environment({"WAYBILL_SECRET_KEY": ""}, "", "", lambda: KEY)
    assert variables["WAYBILL_SECRET_KEY"] == KEY


@pytest.mark.parametrize("variable", ["WAYBILL_SECRET_KEY", "WAYBILL_SECRET_KEY_FILE"])
def test_a_key_of_the_callers_own_is_kept_and_none_is_made(variable: str) -> None:
    variables = child_environment({variable: "/given"}, "", "", lambda: pytest.fail("made a key"))
    assert variables[variable] == "/given"


@pytest.mark.parametrize("variable", ["WAYBILL_SECRET_KEY_FILE", "WAYBILL_CONFIG"])
def test_a_path_leads_to_the_same_file_from_the_folder_of_a_child(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    variables = child_environment({variable: "named"}, "", "", lambda: KEY)
    assert variables[variable] == str(tmp_path / "named")


STORES = {"DATABASE_URL": "postgresql://waybill@/w?host=%2Frun", "REDIS_URL": "unix://:p@/v?db=0"}


@pytest.fixture
def folder(tmp_path: Path) -> AccessFolder:
    """The programs' own URLs for STORES."""
    folder = AccessFolder(tmp_path / "access")
    folder.make({Store.DATABASE: STORES["DATABASE_URL"], Store.REDIS: STORES["REDIS_URL"]})
    return folder


def test_a_program_is_told_its_own_logins_and_nothing_of_the_owners(folder: AccessFolder) -> None:
    for grantee in DATABASE_GRANTEES:
        own = with_own_logins({**STORES, "LANG": "C"}, grantee, folder)
        assert own == {
            "DATABASE_URL": folder.url(AccessKey(grantee, Store.DATABASE)),
            "REDIS_URL": folder.url(AccessKey(grantee, Store.REDIS)),
            "LANG": "C",
        }


def test_a_program_that_opens_no_database_is_not_told_where_one_is(folder: AccessFolder) -> None:
    own = with_own_logins(STORES, Grantee.INGEST, folder)

    assert own == {"REDIS_URL": folder.url(AccessKey(Grantee.INGEST, Store.REDIS))}


def test_logins_for_another_server_are_not_used(folder: AccessFolder) -> None:
    elsewhere = {"DATABASE_URL": "postgresql://me:mine@db/w", "REDIS_URL": STORES["REDIS_URL"]}

    own = with_own_logins(elsewhere, Grantee.WORKERS, folder)

    assert own["DATABASE_URL"] == elsewhere["DATABASE_URL"]
    assert own["REDIS_URL"] == folder.url(AccessKey(Grantee.WORKERS, Store.REDIS))


def test_without_logins_of_their_own_programs_share_the_owners(tmp_path: Path) -> None:
    folder = AccessFolder(tmp_path / "none")

    assert with_own_logins(STORES, Grantee.CONSOLE, folder) == STORES
    assert with_own_logins(STORES, Grantee.INGEST, folder) == {"REDIS_URL": STORES["REDIS_URL"]}
