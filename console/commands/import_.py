"""`waybill import`"""

import os
from typing import BinaryIO

import click
from rich.console import RenderableType

from console.actor import terminal_actor
from console.apps.apps import App, find_app
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import pairs, say, show
from console.commands.terminal.progress import Advance, progress_bar
from console.connections import CommandContext, load_settings, open_resources
from console.importer.imports import (
    BACKLOG_EVENTS_MAX,
    BadLine,
    Import,
    ImportLimits,
    ImportResult,
)
from console.importer.line_reader import FileLine, file_lines
from console.resources import Resources
from shared.clock import now_ms
from shared.settings import Settings

_BATCH_MAX = 2_000
_BAD_LINES_MAX = 1_000


@click.command("import")
@click.argument("file", type=click.File("rb"))
@app_option
@click.option(
    "--batch",
    type=click.IntRange(1, _BATCH_MAX),
    default=500,
    show_default=True,
    help="Events that share one write to the inbox.",
)
@click.option(
    "--bad-lines",
    type=click.IntRange(0, _BAD_LINES_MAX),
    default=20,
    show_default=True,
    help="How many of the lines that were not taken to show, with the reason.",
)
@json_option
@click.pass_obj
def import_(
    context: CommandContext, file: BinaryIO, app: str, batch: int, bad_lines: int, as_json: bool
) -> int:
    """Put the events and clicks of FILE, one JSON object a line, into the inbox.

    Again does no harm: what is there already is not stored twice. A line that cannot be taken is
    reported and does not stop the rest; then the exit status is 1. FILE may be - for standard
    input.
    """
    settings = load_settings(context)
    with open_resources(settings) as resources:
        found = find_app(resources.connection, app)
        limits = _limits(settings, batch, bad_lines)
        with progress_bar(found.name, enabled=not as_json) as advance:
            imported = _run(resources, found, limits, file, advance)
    show(imported, _counts(imported), as_json=as_json)
    if not as_json:
        _report(imported)
    return 1 if imported.bad else 0


def _limits(settings: Settings, batch: int, bad_lines: int) -> ImportLimits:
    return ImportLimits(
        batch_events_max=batch,
        batch_bytes_max=settings.batch_bytes_max,
        # Never so many that ingest refuses senders for it.
        backlog_events_max=min(BACKLOG_EVENTS_MAX, settings.backlog_events_max // 2),
        bad_lines_max=bad_lines,
    )


def _run(
    resources: Resources,
    app: App,
    limits: ImportLimits,
    file: BinaryIO,
    advance: Advance,
) -> ImportResult:
    size = _size(file)

    def watch(line: FileLine) -> None:
        advance(line.ends_at, size)

    run = Import(resources, terminal_actor(), app, limits, watch)
    return run.run(file_lines(file), now_ms())


def _size(file: BinaryIO) -> int | None:
    """None for what is no file, such as a pipe."""
    try:
        size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    return size or None


def _counts(imported: ImportResult) -> RenderableType:
    return pairs(
        (
            ("lines", f"{imported.lines:,}"),
            ("events", f"{imported.events:,}"),
            ("clicks and impressions", f"{imported.clicks:,}"),
            ("not taken", f"{imported.bad:,}" if imported.bad else None),
            ("days made", imported.days or None),
        )
    )


def _report(imported: ImportResult) -> None:
    for bad in imported.bad_lines:
        say(_sentence(bad))
    if rest := imported.bad - len(imported.bad_lines):
        say(f"… and {rest:,} more lines that were not taken; --bad-lines shows more of them.")


def _sentence(bad: BadLine) -> str:
    return f"line {bad.number}: {bad.reason}"
