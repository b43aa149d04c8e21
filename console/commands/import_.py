"""`waybill import`: events and clicks of another system."""

import os
from typing import BinaryIO

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import pairs, say, show
from console.commands.terminal.progress import progress_bar
from console.connections import CommandContext, load_settings, open_resources
from console.importer.imports import Import
from shared.clock import now_ms
from shared.imports.line_import import (
    BAD_LINES_MAX,
    BATCH_EVENTS_MAX,
    ImportResult,
    import_limits,
)
from shared.imports.line_reader import FileLine, file_lines

_BATCH_MAX = 2_000
_SHOWN_LINES_MAX = 1_000


@click.command("import")
@click.argument("file", type=click.File("rb"))
@app_option
@click.option(
    "--batch",
    type=click.IntRange(1, _BATCH_MAX),
    default=BATCH_EVENTS_MAX,
    show_default=True,
    help="Number of events per write to the inbox.",
)
@click.option(
    "--bad-lines",
    type=click.IntRange(0, _SHOWN_LINES_MAX),
    default=BAD_LINES_MAX,
    show_default=True,
    help="Maximum number of rejected lines to show, with their reasons.",
)
@json_option
@click.pass_obj
def import_(
    context: CommandContext, file: BinaryIO, app: str, batch: int, bad_lines: int, as_json: bool
) -> int:
    """Import events and clicks of another system.

    FILE has one JSON object per line; - reads standard input. They go into the inbox, as events
    that are sent do. The import can be repeated safely:
    existing events are not stored twice. An invalid line is reported and does not stop the rest;
    the exit status is then 1.
    """
    settings = load_settings(context)
    limits = import_limits(settings, batch, bad_lines)
    size = _file_size(file)
    with open_resources(settings) as resources:
        target = find_app(resources.connection, app)
        with progress_bar(target.name, enabled=not as_json) as advance:

            def watch(line: FileLine) -> None:
                advance(line.ends_at, size)

            run = Import(resources, terminal_actor(), target, limits, watch)
            imported = run.run(file_lines(file), now_ms())
    _show(imported, as_json=as_json)
    return 1 if imported.bad else 0


def _file_size(file: BinaryIO) -> int | None:
    """Returns the size in bytes, None for anything that is not a file, such as a pipe."""
    try:
        size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    return size or None


def _show(imported: ImportResult, *, as_json: bool) -> None:
    counts = pairs(
        (
            ("lines", f"{imported.lines:,}"),
            ("events", f"{imported.events:,}"),
            ("clicks and impressions", f"{imported.clicks:,}"),
            ("rejected", f"{imported.bad:,}" if imported.bad else None),
            ("partitions created", imported.days or None),
        )
    )
    show(imported, counts, as_json=as_json)
    if as_json:
        return
    for bad in imported.bad_lines:
        say(f"line {bad.number}: {bad.reason}")
    if rest := imported.bad - len(imported.bad_lines):
        say(f"… and {rest:,} more rejected lines; raise --bad-lines to show them.")
