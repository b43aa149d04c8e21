"""Logs: a line each, for people or as JSON, in which neither secrets nor what was sent can stand.

What we note has fields, and a field is a number, a receipt or the id of an entry of the inbox,
never a text: so nobody can put into it what a sender has sent. What libraries say is free text, and
redacted (`shared.redaction`) before it is written.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from shared.errors import WaybillError
from shared.redaction import redact_handlers

Value = int | UUID | str | Sequence[UUID] | Sequence[str]

_ENTRY = re.compile(r"\d{1,20}-\d{1,20}")
LOG_LEVELS = {"warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


class UnsafeField(WaybillError):
    """Somebody notes a text, which could hold anything."""

    code = "unsafe_field"


def note(logger: logging.Logger, level: int, what: str, **fields: Value) -> None:
    """One line: `what` is ours and constant. Raises UnsafeField."""
    if logger.isEnabledFor(level):
        shown = {name: _safe(name, value) for name, value in fields.items()}
        logger.log(level, what, extra={"fields": shown})


def configure(log_format: str, level: str, program: str) -> None:
    """Everything that this process logs goes to its error output: of LOG_FORMATS, LOG_LEVELS."""
    root = logging.getLogger()
    root.handlers = [logging.StreamHandler(sys.stderr)]
    root.setLevel(LOG_LEVELS[level])
    write_through(root, log_format, program)


def write_through(logger: logging.Logger, log_format: str, program: str) -> None:
    """Its handlers redact, and write lines of this form."""
    redact_handlers(logger)
    for handler in logger.handlers:
        handler.setFormatter(_Lines(program, LOG_FORMATS[log_format]))


def _safe(name: str, value: Value) -> object:
    match value:
        case bool() | int():
            return value
        case UUID():
            return str(value)
        case str() if _ENTRY.fullmatch(value):
            return value
        case list() | tuple():
            return [_safe(name, each) for each in value]
        case _:
            raise UnsafeField(f"{name} is neither a number, a receipt nor the id of an entry.")


Write = Callable[[Mapping[str, object], Mapping[str, object], str], str]


class _Lines(logging.Formatter):
    def __init__(self, program: str, write: Write) -> None:
        super().__init__()
        self._program = program
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        head = {
            "at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
            "level": record.levelname.lower(),
            "program": self._program,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        # The filter that redacts has made text of a traceback; without that it is not shown.
        trace = "\n".join(text for text in (record.exc_text, record.stack_info) if text)
        return self._write(head, getattr(record, "fields", {}), trace)


def _json_line(head: Mapping[str, object], fields: Mapping[str, object], trace: str) -> str:
    return json.dumps({**head, **fields, **({"trace": trace} if trace else {})})


def _console_line(head: Mapping[str, object], fields: Mapping[str, object], trace: str) -> str:
    who = f"{head['program']}[{head['pid']}]"
    words = [head["at"], head["level"], who, head["logger"], head["message"]]
    shown = [f"{name}={_words(value)}" for name, value in fields.items()]
    line = " ".join(str(word) for word in [*words, *shown])
    return f"{line}\n{trace}" if trace else line


def _words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


LOG_FORMATS: dict[str, Write] = {"console": _console_line, "json": _json_line}
