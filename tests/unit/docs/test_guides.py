"""The page on attribution and the guides for a move agree with the code."""

import re
import shlex
from pathlib import Path

import click
import pytest

from console.apps.rules import SETTINGS, RuleSetting
from console.main import waybill
from shared.callbacks.templates import url_fault
from shared.destinations import destination_fault
from shared.imports.line_import import DAYS_MAX
from shared.lines.line_format import Destination, read_line
from shared.rules import Rules
from shared.vocabulary import Lost, Rule
from tests.support.build import NOW_MS
from tests.unit.docs.test_docs import ROOT, table, under
from workers.core.crowds import TAP_SLOT_MS
from workers.core.history import USER_CLICK_IDS_MAX, USER_DEVICE_IDS_MAX
from workers.core.rules import MINUTE_MS
from workers.core.waterfall import first_steps
from workers.decisions.candidate_clicks import CLICKS_OF_A_DEVICE_MAX, CLICKS_OF_A_PLACE_MAX

ATTRIBUTION = (ROOT / "docs" / "attribution.md").read_text()
GUIDES = [ROOT / "docs" / f"moving-from-{system}.md" for system in ("adjust", "swaarm")]
COMMANDS = [
    line
    for page in (ROOT / "docs" / "attribution.md", *GUIDES)
    for line in re.findall(r"^waybill .*$", page.read_text(), re.MULTILINE)
]


def parse(line: str) -> click.Context:
    """Parses a command line as the program does, without running it."""
    command: click.Command = waybill
    arguments = shlex.split(line.partition(" < ")[0].replace("shop.ndjson", "-"))[1:]
    context = click.Context(command)
    while isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
        context = click.Context(command, parent=context)
    return command.make_context(command.name, arguments, parent=context.parent)


def test_the_rules_are_in_the_order_of_the_waterfall_with_the_windows_of_a_new_app() -> None:
    rows = table(under(ATTRIBUTION, "## The order of the rules"))
    documented = [(cells[2].strip("`"), cells[4]) for cells in rows]
    windows = {step.rule: step.window_ms for step in first_steps(Rules())}
    hours = {rule: window_ms // (60 * MINUTE_MS) for rule, window_ms in windows.items()}

    expected = [
        (str(rule), f"{count // 24} days" if count > 24 else f"{count} hours")
        for rule, count in hours.items()
    ]
    assert documented == [*expected, (str(Rule.ORGANIC), "")]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.option)
def test_every_setting_has_its_default_and_limits(setting: RuleSetting) -> None:
    default = getattr(Rules(), setting.rule) // setting.unit_ms
    rows = {cells[0]: cells[1:4] for cells in table(ATTRIBUTION)}

    assert rows[f"`--{setting.option}`"] == [
        f"{default} {setting.unit}",
        str(setting.smallest),
        str(setting.largest),
    ]


@pytest.mark.parametrize("reason", Lost)
def test_every_reason_for_which_a_click_loses_is_explained(reason: Lost) -> None:
    assert f"\n| `{reason}` | " in under(ATTRIBUTION, "## Clicks that lost")


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(ATTRIBUTION.split())

    assert f"the {CLICKS_OF_A_PLACE_MAX} latest are considered" in text
    assert f"more than {CLICKS_OF_A_DEVICE_MAX} clicks within ten days" in text
    assert f"names more than {USER_DEVICE_IDS_MAX} device IDs" in text
    assert f"names more than {USER_CLICK_IDS_MAX:,} click IDs" in text
    assert TAP_SLOT_MS == 10 * MINUTE_MS
    assert "within ten minutes are one device" in text


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_there_is(line: str) -> None:
    assert parse(line).command.callback is not None


@pytest.mark.parametrize("line", [line for line in COMMANDS if "https://" in line])
def test_every_address_in_a_command_is_accepted(line: str) -> None:
    given = parse(line).params
    faults = [url_fault(given["url"])] if "url" in given else []
    faults += [destination_fault(given["destination"])] if "destination" in given else []

    assert faults == [None]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_lines_of_a_guide_can_be_imported(page: Path) -> None:
    lines = re.findall(r"^\{.*\}$", page.read_text(), re.MULTILINE)
    destination = Destination(1, {"Summer": 1}, {("17", "42"): 2}, NOW_MS)

    assert len([read_line(line.encode(), destination) for line in lines]) == 3
    assert f"at most {DAYS_MAX} days that had no data yet" in page.read_text()
