"""`waybill config` shows the settings in force with their sources and without secrets."""

import json
from pathlib import Path

import pytest

from console.main import run_command
from console.pipeline.configuration import mask_url
from tests.support.build import VARIABLES
from tests.support.country_files import write_database

SECRETS = {
    "DATABASE_URL": "postgresql://waybill:hunter2@db.internal/waybill?sslpassword=hunter2",
    "REDIS_URL": "redis://:hunter2@redis.internal:6380/1",
    "WAYBILL_SECRET_KEY": "hunter2" * 5,
}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_secrets_are_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    assert run_command(["--data", str(tmp_path / "none"), "config", *form], SECRETS) == 0

    printed = capsys.readouterr().out
    assert "hunter2" not in printed
    assert "redis://***@redis.internal:6380/1" in printed


def test_each_setting_is_shown_with_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("WAYBILL_BATCH_EVENTS_MAX = 7\n")
    variables = VARIABLES | {"WAYBILL_CONFIG": str(file), "WAYBILL_BATCH_EVENT_MAX": "9"}

    assert run_command(["--data", str(tmp_path / "none"), "config", "--json"], variables) == 0

    shown = json.loads(capsys.readouterr().out)
    held = {each["variable"]: (each["value"], each["source"]) for each in shown["settings"]}
    assert held["WAYBILL_BATCH_EVENTS_MAX"] == ("7", str(file))
    assert held["WAYBILL_DURABILITY"] == ("strict", "default")
    assert held["WAYBILL_SECRET_KEY"] == ("***", "environment")
    assert shown["unknown"] == ["WAYBILL_BATCH_EVENT_MAX"]


def test_a_country_database_that_cannot_be_read_needs_attention(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "countries.mmdb"
    variables = VARIABLES | {"WAYBILL_COUNTRY_DATABASE": str(file)}

    assert run_command(["--data", str(tmp_path / "none"), "config", "--json"], variables) == 1

    shown = json.loads(capsys.readouterr().out)
    (fault,) = [each["fault"] for each in shown["settings"] if each["fault"]]
    assert fault.startswith(f"The country database {file} cannot be read: No such file")

    write_database(file)
    assert run_command(["--data", str(tmp_path / "none"), "config"], variables) == 0


def test_what_needs_attention_is_shown_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = {"WAYBILL_DURABILITY": "maybe", "WAYBILL_CONFIG": str(tmp_path / "none")}

    assert run_command(["--data", str(tmp_path / "none"), "config", "--json"], variables) == 1

    shown = json.loads(capsys.readouterr().out)
    faults = {each["variable"]: each["fault"] for each in shown["settings"] if each["fault"]}
    assert faults["WAYBILL_DURABILITY"] == "must be strict or relaxed"
    assert faults.keys() == {"WAYBILL_DURABILITY", *VARIABLES}
    assert shown["faults"] == ["WAYBILL_CONFIG cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?***"),
        ("postgresql://u:p@h1:5432,h2:5433/db", "postgresql://***@h1:5432,h2:5433/db"),
        ("postgresql://u:p@ss@h/db", "postgresql://***@h/db"),
        ("postgresql://u:p/ss@h/db", "***"),
        ("postgresql://u:p?ss@h/db", "***"),
        ("postgresql://u:p#ss@h/db", "***"),
        ("postgresql:///db?password=p", "postgresql:///db?***"),
    ],
)
def test_of_a_url_nothing_is_shown_that_could_be_a_password(url: str, shown: str) -> None:
    assert mask_url(url) == shown
