"""The page on measurement agrees with the code."""

import re
from pathlib import Path

import pytest

from console.apps.rules import SETTINGS, RuleSetting
from console.importer.imports import BACKLOG_EVENTS_MAX, DAYS_MAX
from console.importer.line_reader import LINE_BYTES_MAX
from console.lookup.user_timeline import ClickRole
from shared.lines.line import ImportedLine
from shared.lines.line_format import Destination, read_line
from shared.rules import Rules
from tests.support.build import NOW_MS

PAGE = (Path(__file__).parents[3] / "docs" / "measurement.md").read_text()
LINES = re.findall(r"^\{.*\}$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.option)
def test_every_setting_has_its_row_with_its_default_and_limits(setting: RuleSetting) -> None:
    default = getattr(Rules(), setting.rule) // setting.unit_ms

    assert (
        f"| `--{setting.option}` | {default} | {setting.smallest} | {setting.largest} "
        f"| {setting.help} |"
    ) in PAGE


@pytest.mark.parametrize("name", ImportedLine.__struct_fields__)
def test_every_name_in_a_line_is_in_the_table(name: str) -> None:
    assert re.search(rf"^\| .*`{name}`", PAGE, re.MULTILINE)


def test_the_documented_lines_can_be_imported() -> None:
    destination = Destination(1, {"Summer": 1}, {}, NOW_MS)

    assert len([read_line(line.encode(), destination) for line in LINES]) == 3


@pytest.mark.parametrize("role", ClickRole)
def test_every_role_of_a_click_is_explained(role: ClickRole) -> None:
    assert f"| `{role}` |" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    assert f"more than {BACKLOG_EVENTS_MAX:,} events" in PAGE
    assert f"at most {DAYS_MAX} in one import" in PAGE
    assert f"at most {LINE_BYTES_MAX // 1024} KiB" in PAGE
