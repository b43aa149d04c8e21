"""The page on measurement agrees with the code."""

import re
from pathlib import Path

import pytest

from console.apps.rules import SETTINGS, RuleSetting
from console.lookup.user_timeline import ClickRole
from shared.imports.line_import import BACKLOG_EVENTS_MAX, BAD_LINES_MAX, DAYS_MAX
from shared.imports.line_reader import LINE_BYTES_MAX
from shared.imports.upload import (
    PIECE_BYTES_MAX,
    PIECES_HOURS,
    UNFINISHED_UPLOADS_MAX,
    UPLOAD_BYTES_MAX,
)
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
    assert f"{PIECE_BYTES_MAX:,} bytes, and what is left" in PAGE
    assert f"at most {UPLOAD_BYTES_MAX // 1024**2} MiB, packed and unpacked" in PAGE
    assert f"at most {UNFINISHED_UPLOADS_MAX} that have not ended" in PAGE
    assert f"import failed, after {PIECES_HOURS}" in PAGE
    assert f"the first {BAD_LINES_MAX} with number" in PAGE
