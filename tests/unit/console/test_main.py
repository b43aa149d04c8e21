import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import click
import pytest

from console.main import run_command, waybill


def test_a_command_without_a_running_waybill_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["--data", str(tmp_path / "none"), "app", "list"], {}) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Waybill is not running here.")


def test_with_json_the_error_is_the_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["app", "list", "--json"], {"WAYBILL_DATA": str(tmp_path / "none")}) == 1

    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "operator_error"


def test_a_command_line_that_is_not_understood_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["token", "create", "--json"], {}) == 2
    document = json.loads(capsys.readouterr().out)
    assert run_command(["token", "create"], {}) == 2
    sentence = capsys.readouterr().err

    assert document["error"]["code"] == "usage"
    assert "--app" in document["error"]["message"]
    assert "--app" in sentence


def test_a_malformed_receipt_is_refused_before_any_store_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["trace", "123"], {}) == 1

    assert capsys.readouterr().err.startswith("This is not a receipt ID.")


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("command", list(_commands(waybill)), ids=" ".join)
def test_every_command_takes_json_and_says_what_it_does(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([*command, "--help"], {}) == 0

    assert "--json" in capsys.readouterr().out


def test_values_are_chosen_as_they_are_stored_and_not_by_the_names_of_the_code() -> None:
    shouting = [
        " ".join((*path, option.opts[0]))
        for path in _commands(waybill)
        for option in _command_at(path).params
        if isinstance(option.type, click.Choice) and option.type.case_sensitive
        and any(isinstance(choice, Enum) for choice in option.type.choices)
    ]  # fmt: skip

    assert shouting == []


def _command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = waybill
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


@pytest.mark.parametrize(
    ("alias", "command"),
    [
        (["admin", "close"], ["admin", "deactivate"]),
        (["authentication", "enable"], ["s2s-security", "enable"]),
    ],
)
def test_an_alias_runs_its_command(
    alias: list[str], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([*alias, "--help"], {}) == 0
    aliased = capsys.readouterr().out
    assert run_command([*command, "--help"], {}) == 0

    usage, _, rest = capsys.readouterr().out.partition("\n")
    assert command[-1] in usage
    assert aliased.endswith(rest)


def test_the_help_lists_every_command_once_under_a_heading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["--help"], {}) == 0

    _, _, listed = capsys.readouterr().out.partition("Start:")
    names = re.findall(r"^  (\S+)  ", listed, re.MULTILINE)
    assert sorted(names) == sorted(waybill.commands)
    assert "..." not in listed
