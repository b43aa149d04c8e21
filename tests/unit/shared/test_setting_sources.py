"""Tests where a value comes from: environment, file of settings, default, in this order."""

from pathlib import Path

import pytest

from shared.errors import OperatorError
from shared.setting_sources import CONFIG
from shared.settings import layers_of, read_each, read_settings
from tests.support.build import VARIABLES


def written(folder: Path, text: str) -> dict[str, str]:
    """An environment that names nothing but a file of settings with this text."""
    file = folder / "settings.toml"
    file.write_text(text)
    return {CONFIG: str(file)}


def whole(folder: Path, more: str = "") -> dict[str, str]:
    """Returns what `written` does, with the three variables that must be set."""
    return written(
        folder, "\n".join(f'{name} = "{text}"' for name, text in VARIABLES.items()) + more
    )


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(OperatorError) as caught:
        read_settings(variables)
    return caught.value.message


def sources(variables: dict[str, str]) -> dict[str, str]:
    return {each.declared.variable: each.found.source for each in read_each(layers_of(variables))}


def test_a_file_of_settings_is_enough(tmp_path: Path) -> None:
    read = read_settings(whole(tmp_path, "\nWAYBILL_BATCH_EVENTS_MAX = 7\n"))

    assert read.redis_url == VARIABLES["REDIS_URL"]
    assert read.batch_events_max == 7
    assert read.durability == "strict"


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    variables = whole(tmp_path) | {"REDIS_URL": "redis://environment"}

    assert read_settings(variables).redis_url == "redis://environment"


def test_a_secret_file_that_the_environment_names_comes_before_the_file_of_settings(
    tmp_path: Path,
) -> None:
    (tmp_path / "url").write_text("redis://named\n")
    variables = whole(tmp_path) | {"REDIS_URL_FILE": str(tmp_path / "url")}

    assert read_settings(variables).redis_url == "redis://named"


def test_a_secret_file_of_the_file_of_settings_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://beside\n")
    variables = written(tmp_path, 'REDIS_URL_FILE = "url"') | VARIABLES
    del variables["REDIS_URL"]

    assert read_settings(variables).redis_url == "redis://beside"


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://named\n")
    file = written(tmp_path, "WAYBILL_BATCH_EVENTS_MAX = 7")
    found = sources(
        file | {"WAYBILL_DURABILITY": "relaxed", "REDIS_URL_FILE": str(tmp_path / "url")}
    )

    assert found["WAYBILL_BATCH_EVENTS_MAX"] == file[CONFIG]
    assert found["WAYBILL_DURABILITY"] == "environment"
    assert found["REDIS_URL"] == f"{tmp_path / 'url'}, named by environment"
    assert found["WAYBILL_KEY_DAYS_MIN"] == "default"
    assert found["DATABASE_URL"] == ""


def test_faults_of_the_file_are_told_with_all_others(tmp_path: Path) -> None:
    message = refusal(
        written(tmp_path, "WAYBILL_BATCH_EVENT_MAX = 7\nWAYBILL_DURABILITY = 'maybe'")
        | {"WAYBILL_KEY_DAYS_MIN": "never"}
    )

    assert "WAYBILL_BATCH_EVENT_MAX, which is not a setting" in message
    for variable in ("DATABASE_URL", "WAYBILL_DURABILITY", "WAYBILL_KEY_DAYS_MIN"):
        assert f"  {variable} " in message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("WAYBILL_DURABILITY = hunter2", r"is not TOML \(at line 1"),
        ("WAYBILL_DURABILITY = true", "must be a string or a whole number"),
        ("WAYBILL_BATCH_EVENTS_MAX = 1.5", "must be a string or a whole number"),
        ("[WAYBILL_DURABILITY]\nhunter2 = 1", "must be a string or a whole number"),
        ("'hunter2 hunter2' = 1", "sets something, which is not a setting"),
        ("WAYBILL_DURABILITY_FILE = 'x'", "which is not a setting"),
        ("# " + "x" * 65_536, "more than 65536 bytes"),
    ],
)
def test_a_file_that_is_none_is_a_fault_that_repeats_nothing_of_it(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(OperatorError, match=fault) as caught:
        read_settings(written(tmp_path, text) | VARIABLES)

    assert "hunter2" not in caught.value.message


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe")

    message = refusal({CONFIG: str(tmp_path / "settings.toml")} | VARIABLES)
    assert "WAYBILL_CONFIG names a file that is not UTF-8 text" in message


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    message = refusal({CONFIG: str(tmp_path / "none")} | VARIABLES)

    assert "WAYBILL_CONFIG cannot be read: No such file" in message
