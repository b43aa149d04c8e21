"""What a command prints: tables and sentences for people, one JSON document for programs.

Names and values come from outside. Nothing of them may move a terminal's cursor, so people see
every unprintable character as its escape, and JSON is plain ASCII.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_FILE_COLUMNS = 160  # a table that no terminal limits


def show(document: object, *people: RenderableType, as_json: bool) -> None:
    """Print `document` as the one JSON document, or else what is for people, part by part."""
    if as_json:
        print_document(document)
        return
    console = console_on(sys.stdout)
    for part in people:
        console.print(part, soft_wrap=isinstance(part, str))


def print_document(document: object) -> None:
    """Dataclasses become objects, times ISO 8601, bytes Base64."""
    print(json.dumps(msgspec.to_builtins(document), indent=2), flush=True)


def print_error(code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        print_document({"error": {"code": code, "message": message}})
    else:
        say(message)


def say(sentence: str) -> None:
    """Beside the result, so that a pipe gets the result alone."""
    console_on(sys.stderr).print(visible(sentence, keep="\n"), soft_wrap=True)


def console_on(file: TextIO) -> Console:
    """Takes text as it is: square brackets in a name are no markup."""
    width = None if file.isatty() else _FILE_COLUMNS
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    made = Table(*columns)
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def pairs(named: Iterable[tuple[str, object]]) -> Table:
    """One thing, a line for each of its values; values that are not there are left out."""
    made = Table.grid(padding=(0, 2))
    for name, value in named:
        if value is not None:
            made.add_row(Text(name, style="dim"), cell(value))
    return made


def lines(texts: Iterable[str]) -> Text:
    """A cell of several lines."""
    return Text("\n".join(visible(text) for text in texts), overflow="fold")


def cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    return Text(visible(_words(value)), overflow="fold")


def visible(text: str, keep: str = "") -> str:
    """With an escape for each character that is not printable and not in `keep`."""
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def _words(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case dict():
            return ", ".join(f"{name}={text}" for name, text in value.items())
        case _:
            return str(value)
