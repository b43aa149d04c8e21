"""Prints the results of commands: tables and sentences for people, one JSON document for programs.

Names and values come from outside. Nothing in them may move a terminal's cursor, so people see
every unprintable character as its escape, and JSON is plain ASCII.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_FILE_COLUMNS = 160  # a table that no terminal limits
_FRAME_COLUMNS = 3  # of a column: a line, and a space on both sides


def show(document: object, *parts: RenderableType, as_json: bool) -> None:
    """Prints `document` as the one JSON document, or else the parts for people, one by one."""
    if as_json:
        print_document(document)
        return
    console = console_on(sys.stdout)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def show_if_read(document: object, *parts: RenderableType, as_json: bool) -> None:
    """Prints as `show` does, for a program that also goes on where nobody reads its output."""
    try:
        show(document, *parts, as_json=as_json)
    except (OSError, SystemExit):  # rich exits when it meets a closed pipe
        discard(sys.stdout)


def print_document(document: object) -> None:
    """Prints one JSON document: dataclasses become objects, times ISO 8601, bytes Base64."""
    print(json.dumps(msgspec.to_builtins(document), indent=2), flush=True)


def print_error(code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        print_document({"error": {"code": code, "message": message}})
    else:
        say(message)


def say(sentence: str) -> None:
    """Prints a sentence to standard error, so that a pipe receives the result alone."""
    console_on(sys.stderr).print(visible(sentence, keep="\n"), soft_wrap=True)


def discard(file: TextIO) -> None:
    """Sends all further output of a file nowhere, because nobody reads it any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)


def console_on(file: TextIO) -> Console:
    """Returns a console that prints text as it is: square brackets in a name are no markup."""
    width = None if file.isatty() else _FILE_COLUMNS
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    result = Table(*columns)
    for row in rows:
        result.add_row(*(cell(value) for value in row))
    return result


def terminal_columns() -> int:
    """Returns the number of characters that a line of the output has room for."""
    return console_on(sys.stdout).width


def folded_tables(
    columns: Sequence[str], rows: Iterable[Sequence[object]], heads: int, columns_max: int
) -> list[Table]:
    """Returns a table, or several below one another where one would be wider than `columns_max`.

    Each begins with the first `heads` columns, which say what a row is about.
    """
    cells = [[cell(value) for value in row] for row in rows]
    widths = [
        max(cell_len(column), *(cell_len(row[number].plain) for row in cells), 0) + _FRAME_COLUMNS
        for number, column in enumerate(columns)
    ]
    room = columns_max - sum(widths[:heads]) - 1
    groups: list[list[int]] = [[]]
    for number in range(heads, len(columns)):
        if groups[-1] and sum(widths[other] for other in (*groups[-1], number)) > room:
            groups.append([])
        groups[-1].append(number)
    shown = [[*range(heads), *group] for group in groups]
    return [
        table([columns[n] for n in some], ([row[n] for n in some] for row in cells))
        for some in shown
    ]


def pairs(named_values: Iterable[tuple[str, object]]) -> Table:
    """Returns a list of names and values, one per line; values that are None are left out."""
    grid = Table.grid(padding=(0, 2))
    for name, value in named_values:
        if value is not None:
            grid.add_row(Text(name, style="dim"), cell(value))
    return grid


def lines(texts: Iterable[str]) -> Text:
    """Returns a cell of several lines."""
    return Text("\n".join(visible(text) for text in texts), overflow="fold")


def cell(value: object) -> Text:
    """Returns a value as the text of a table's cell."""
    match value:
        case Text():
            return value
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case dict():
            text = ", ".join(f"{name}={item}" for name, item in value.items())
        case _:
            text = str(value)
    return Text(visible(text), overflow="fold")


def visible(text: str, keep: str = "") -> str:
    """Replaces each character that is neither printable nor in `keep` by its escape."""
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
