"""Exports the audit log as CSV or as JSON lines, newest first, however long it is."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from datetime import datetime
from enum import StrEnum

import msgspec

from console.audit import AuditEntry, ChangeFilter, find_changes
from console.spreadsheet_text import inert
from shared.database import Connection

ENTRIES_AT_ONCE = 1_000
COLUMNS = tuple(field.name for field in fields(AuditEntry))


class AuditFormat(StrEnum):
    """The format of an export."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def content_type(self) -> str:
        return "text/csv; charset=utf-8" if self is AuditFormat.CSV else "application/x-ndjson"


def export_audit_log(
    borrow: Callable[[], AbstractContextManager[Connection]],
    wanted: ChangeFilter,
    form: AuditFormat,
) -> Iterator[bytes]:
    """Yields the entries of a filter, newest first, a thousand at a time.

    A connection is borrowed for each part and returned before the part is sent.
    """
    is_csv = form is AuditFormat.CSV
    if is_csv:
        yield _csv_lines([COLUMNS])
    while True:
        with borrow() as connection:
            page = find_changes(connection, wanted, ENTRIES_AT_ONCE)
        if is_csv:
            yield _csv_lines(map(_cells, page.entries))
        else:
            yield b"".join(msgspec.json.encode(entry) + b"\n" for entry in page.entries)
        if page.older is None:
            return
        wanted = replace(wanted, before_id=page.older)


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode()


def _cells(entry: AuditEntry) -> list[str]:
    """Returns the cells of an entry; values before and after are JSON."""
    cells = []
    for name in COLUMNS:
        value = getattr(entry, name)
        if isinstance(value, dict):
            value = msgspec.json.encode(value).decode()
        elif isinstance(value, datetime):
            value = value.isoformat()
        cells.append(inert("" if value is None else str(value)))
    return cells
