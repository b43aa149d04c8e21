"""Log lines: of both forms, and nothing in them that was sent."""

import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest

from shared.logs import LOG_FORMATS, UnsafeField, Value, note, write_through

RECEIPT = UUID("019b7ca9-8f2e-7000-8000-000000000001")


class Written:
    """A logger of its own, and what it wrote."""

    def __init__(self, log_format: str) -> None:
        self.output = io.StringIO()
        self.logger = logging.getLogger(f"tests.{log_format}")
        self.logger.propagate = False
        self.logger.setLevel(logging.INFO)
        self.logger.handlers = [logging.StreamHandler(self.output)]
        write_through(self.logger, log_format, "worker")

    @property
    def lines(self) -> list[str]:
        return self.output.getvalue().splitlines()


@pytest.fixture
def json_lines() -> Iterator[Written]:
    written = Written("json")
    yield written
    written.logger.handlers = []


@pytest.fixture
def console_lines() -> Iterator[Written]:
    written = Written("console")
    yield written
    written.logger.handlers = []


def test_a_json_line_is_one_object_with_the_fields(json_lines: Written) -> None:
    note(
        json_lines.logger, logging.INFO, "stored", events=3, entries=["17-0", "17-1"], first=RECEIPT
    )

    (line,) = json_lines.lines
    written = json.loads(line)
    assert written["message"] == "stored"
    assert (written["level"], written["program"]) == ("info", "worker")
    assert (written["events"], written["entries"]) == (3, ["17-0", "17-1"])
    assert written["first"] == str(RECEIPT)
    assert written["at"].endswith("Z")


def test_a_console_line_shows_the_same(console_lines: Written) -> None:
    note(console_lines.logger, logging.INFO, "stored", events=3, entries=["17-0", "17-1"])

    (line,) = console_lines.lines
    assert line.endswith(" tests.console stored events=3 entries=17-0,17-1")
    assert " info worker[" in line


@pytest.mark.parametrize(
    "value", ["alice", "17", "17-0 alice", 1.5, None, ["alice"], [1, "x"], b"17-0"]
)
def test_a_field_cannot_hold_a_text(json_lines: Written, value: Value) -> None:
    with pytest.raises(UnsafeField):
        note(json_lines.logger, logging.INFO, "stored", user=value)

    assert json_lines.lines == []


@pytest.mark.parametrize("log_format", LOG_FORMATS)
def test_what_a_library_says_is_redacted_its_traceback_too(log_format: str) -> None:
    written = Written(log_format)
    try:
        raise ValueError("s2s_token=hunter2")
    except ValueError:
        written.logger.exception("cannot read %s", "Authorization: hunter2")

    text = written.output.getvalue()
    assert "hunter2" not in text
    assert "ValueError: s2s_token=***" in text
    assert log_format == "console" or len(written.lines) == 1


def test_a_line_below_the_level_costs_nothing_and_is_not_written(json_lines: Written) -> None:
    note(json_lines.logger, logging.DEBUG, "stored", user="not even looked at")

    assert json_lines.lines == []
