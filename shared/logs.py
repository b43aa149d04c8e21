"""Writes log lines, for people or as JSON, that contain neither secrets nor what was sent.

Lines of Waybill's own have fields, and a field is a number, a receipt or the id of an inbox entry,
never text: so no line can contain what a sender has sent. Messages of libraries are free text, and
are redacted (`shared.redaction`) before they are written.
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
    """A field of a log line that is free text, which could hold anything."""

    code = "unsafe_field"


def note(logger: logging.Logger, level: int, what: str, **fields: Value) -> None:
    """Logs one line, whose message `what` is a constant of the source. Raises UnsafeField."""
    if logger.isEnabledFor(level):
        shown = {name: _safe(name, value) for name, value in fields.items()}
        logger.log(level, what, extra={"fields": shown})


def configure(log_format: str, level: str, program: str) -> None:
    """Sends everything that this process logs to its standard error, in a format and level.

    They are keys of LOG_FORMATS and LOG_LEVELS.
    """
    root = logging.getLogger()
    root.handlers = [logging.StreamHandler(sys.stderr)]
    root.setLevel(LOG_LEVELS[level])
    write_through(root, log_format, program)


def write_through(logger: logging.Logger, log_format: str, program: str) -> None:
    """Makes a logger's handlers redact, and write lines of this format."""
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
            return [_safe(name, item) for item in value]
        case _:
            raise UnsafeField(
                f"{name} is neither a number, a receipt nor the id of an inbox entry."
            )


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
        # The redacting filter has formatted a traceback as text; without it, none is shown.
        trace = "\n".join(text for text in (record.exc_text, record.stack_info) if text)
        return self._write(head, getattr(record, "fields", {}), trace)


def _console_line(head: Mapping[str, object], fields: Mapping[str, object], trace: str) -> str:
    process = f"{head['program']}[{head['pid']}]"
    words = [head["at"], head["level"], process, head["logger"], head["message"]]
    for name, value in fields.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words.append(f"{name}={text}")
    line = " ".join(map(str, words))
    return f"{line}\n{trace}" if trace else line


LOG_FORMATS: dict[str, Write] = {
    "console": _console_line,
    "json": lambda head, fields, trace: json.dumps(
        {**head, **fields, **({"trace": trace} if trace else {})}
    ),
}
