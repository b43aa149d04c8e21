"""Tests that each alert has its entry in the runbook, whose commands exist with their options."""

import re
import shlex
from pathlib import Path

import click
import pytest

from console.main import waybill
from tests.unit.docs.test_docs import under

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", (ROOT / "deploy" / "prometheus" / "rules.yml").read_text())
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PARTS = ("**You see**", "**It means**", "**Type**")


def _commands(text: str) -> list[str]:
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def test_each_alert_has_one_entry_and_each_entry_its_alert() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_an_entry_says_what_is_seen_what_it_means_and_what_to_type(alert: str) -> None:
    entry = under(RUNBOOK, f"## {alert}").replace("**Type:**", "**Type**")

    assert [part for part in PARTS if part not in entry] == []
    assert _commands(entry)


@pytest.mark.parametrize("command", sorted(set(_commands(RUNBOOK))))
def test_a_command_of_the_runbook_exists_with_its_options(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "curl":
        assert re.fullmatch(r"http://127\.0\.0\.1:(8080|8082)/health/\w+", arguments[0])
        return
    assert program == "waybill"
    context = click.Context(waybill, info_name=program)
    found: click.Command = waybill
    while isinstance(found, click.Group):
        if found.invoke_without_command and arguments[0].startswith("--"):
            break
        name = arguments.pop(0)
        inner = found.get_command(context, name)
        assert inner is not None, name
        found = inner
    found.make_context(found.name, arguments, parent=context)
