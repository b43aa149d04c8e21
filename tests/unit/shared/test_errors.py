"""The tree of errors: what its docstring draws is what the classes are."""

import inspect
import re
from typing import Any

import pytest

import ingest.http.refusals
from ingest.inbox import Stale
from shared import errors
from shared.errors import OperatorError, RequestError, Unavailable, WaybillError
from shared.logs import UnsafeField
from shared.tally import UnlistedMetric
from shared.tokens import TokenFault
from shared.zones.app_days import UnknownZone
from workers.job_errors import JobFailed

_LINE = re.compile(r"(?P<indent>[│ ]*)(?P<branch>├── |└── )?(?P<name>[\w.]+)(?P<rest>.*)")
_ANSWER = re.compile(r"\s+(\d{3}) (\w+)")


def drawn() -> dict[str, tuple[str | None, str]]:
    """Name of each class in the drawing, with its parent's and what stands behind it."""
    tree: dict[str, tuple[str | None, str]] = {}
    path: list[str] = []
    assert errors.__doc__ is not None
    for line in inspect.cleandoc(errors.__doc__).split("\n\n")[1].splitlines():
        match = _LINE.fullmatch(line.removeprefix("    "))
        assert match is not None, line
        depth = len(match["indent"]) // 4 + bool(match["branch"])
        path[depth:] = [match["name"]]
        tree[match["name"]] = (path[depth - 1] if depth else None, match["rest"])
    return tree


def below(error: type[WaybillError]) -> list[type[WaybillError]]:
    return [error] + [found for child in error.__subclasses__() for found in below(child)]


def of_the_module() -> dict[str, type[WaybillError]]:
    return {
        error.__name__: error
        for error in below(WaybillError)
        if error.__module__ == "shared.errors"
    }


def parent(error: type[WaybillError]) -> str | None:
    return None if error is WaybillError or error.__base__ is None else error.__base__.__name__


def test_the_drawn_tree_is_the_tree_of_the_classes() -> None:
    elsewhere: dict[str, type[WaybillError]] = {
        "ingest.inbox.Stale": Stale,
        "shared.logs.UnsafeField": UnsafeField,
        "shared.tally.UnlistedMetric": UnlistedMetric,
        "shared.zones.app_days.UnknownZone": UnknownZone,
        "workers.job_errors.JobFailed": JobFailed,
    }

    assert {name: above for name, (above, _) in drawn().items()} == {
        name: parent(error) for name, error in (of_the_module() | elsewhere).items()
    }


def test_the_drawn_answers_are_the_answers_of_the_classes() -> None:
    answers = {}
    for name, (_, rest) in drawn().items():
        if match := _ANSWER.match(rest):
            answers[name] = (int(match[1]), match[2])

    # The root, RequestError, OperatorError and BadValue are none.
    assert len(answers) == len(of_the_module()) - 4
    for name, answer in answers.items():
        error = of_the_module()[name]
        assert (error.status, error.code) == answer, name


def test_no_code_means_two_things() -> None:
    answers = below(RequestError) + below(Unavailable)
    assert ingest.http.refusals.UriTooLong in answers
    others: list[type[WaybillError]] = [WaybillError, OperatorError, Stale, JobFailed]
    codes = [error.code for error in answers + others]

    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("error", below(RequestError), ids=lambda error: error.__name__)
def test_what_the_sender_can_mend_is_a_4xx(error: type[RequestError]) -> None:
    assert 400 <= error.status < 500


@pytest.mark.parametrize("error", below(Unavailable), ids=lambda error: error.__name__)
def test_what_nobody_kept_is_a_503(error: type[Unavailable]) -> None:
    assert error.status == 503


@pytest.mark.parametrize("error", of_the_module().values(), ids=lambda error: error.__name__)
def test_a_message_is_what_the_exception_says(error: type[WaybillError]) -> None:
    values: dict[str, Any] = {
        "message": "m",
        "field": "f",
        "rule": "r",
        "parameters_max": 1,
        "request_bytes_max": 1,
        "fault": TokenFault.WRONG,
        "hint": "h",
        "name": "n",
    }
    names = inspect.signature(error.__init__).parameters
    made = error(**{name: value for name, value in values.items() if name in names})

    assert str(made) == made.message != ""


def test_a_missing_field_is_named_and_the_reader_told_what_to_do() -> None:
    missing = errors.MissingField("user_id")

    assert missing.field == "user_id"
    assert missing.message == "user_id is required. Send user_id with every call."


def test_who_is_at_a_terminal_is_told_which_command_helps() -> None:
    fault = OperatorError("There is no such app.", "See `waybill app list`.")

    assert fault.message == "There is no such app."
    assert fault.at_terminal == "There is no such app. See `waybill app list`."
    assert OperatorError("Nothing works.").at_terminal == "Nothing works."


def test_a_bad_value_is_named_as_an_option_at_a_terminal_and_in_words_elsewhere() -> None:
    fault = errors.BadValue("app-token", "must have 1 to 64 characters.")

    assert fault.message == "App token must have 1 to 64 characters."
    assert fault.at_terminal == "--app-token must have 1 to 64 characters."


def test_an_operator_error_is_no_answer_to_a_sender() -> None:
    assert not issubclass(OperatorError, RequestError | Unavailable)
