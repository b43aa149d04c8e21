"""Tests which variables replace a store, and which reach the children."""

from pathlib import Path

import pytest

from deploy.environment import (
    UnreadableUrl,
    child_environment,
    external_url,
    without_database,
)

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


def test_a_program_that_opens_no_database_is_not_told_where_one_is() -> None:
    told = {"DATABASE_URL": "postgresql:///w", "DATABASE_URL_FILE": "/url", "REDIS_URL": "unix:/v"}

    assert without_database(told) == {"REDIS_URL": "unix:/v"}
