"""`waybill backup`: everything that PostgreSQL and the inbox hold, in one file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from console.backup.archive import Manifest
from console.backup.save import save
from console.commands.terminal.options import json_option
from console.commands.terminal.output import lines, pairs, say, show
from console.commands.terminal.progress import progress_bar
from console.connections import CommandContext, load_settings, open_database, open_resources
from shared.clock import now_ms
from shared.day_files.catalog import DayFile, list_files
from shared.errors import OperatorError

_PIPE = "-"


@click.command()
@click.argument("to", metavar="FOLDER", default=".")
@json_option
@click.pass_obj
def backup(context: CommandContext, to: str, as_json: bool) -> None:
    """Back up everything while Waybill runs.

    Writes one file into FOLDER (by default the current one), or to standard output for -. It holds
    all tables as they were at one moment, and the events that waited in the inbox: people's data,
    so keep it safe. It does not hold the installation's key, without which it cannot be restored:
    keep that elsewhere. `waybill restore` reads the file.
    """
    settings = load_settings(context)
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    with (
        open_resources(settings, is_patient=True) as resources,
        open_database(settings, is_patient=True) as reader,
        _target(to, now) as (path, stream),
        progress_bar("rows", enabled=not as_json) as advance,
    ):
        manifest = save(resources, reader, stream, now.isoformat(timespec="seconds"), advance)
        files = list_files(reader)
    _show(manifest, path, files, as_json=as_json)


@contextmanager
def _target(to: str, now: datetime) -> Iterator[tuple[Path | None, BinaryIO]]:
    """Opens the file, which has its name only once it is whole and on disk."""
    if to == _PIPE:
        yield None, sys.stdout.buffer
        return
    path = Path(to) / f"waybill-{now:%Y%m%dT%H%M%SZ}.tar"
    part = path.with_suffix(".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield path, stream
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OperatorError(
            f"The backup cannot be written to {to}: {error.strerror}. Nothing was kept of it. "
            "Name another folder, or make room."
        ) from error


def _show(manifest: Manifest, path: Path | None, files: list[DayFile], *, as_json: bool) -> None:
    rows = sum(table.rows for table in manifest.tables.values())
    if path is None:
        say(f"{rows:,} rows and {manifest.inbox_events:,} events of the inbox were written.")
        return
    size = path.stat().st_size
    document = {
        "file": str(path),
        "bytes": size,
        "rows": rows,
        "inbox_events": manifest.inbox_events,
        "tables": {name: table.rows for name, table in manifest.tables.items()},
        "day_files": {
            "files": len(files),
            "bytes": sum(file.size_bytes for file in files),
            "folders": sorted({file.folder for file in files}),
        },
    }
    counts = pairs(
        (
            ("file", str(path)),
            ("size", f"{size / 1e6:,.1f} MB"),
            ("rows", f"{rows:,}"),
            ("events of the inbox", f"{manifest.inbox_events:,}"),
        )
    )
    remarks = [
        f"Copy {folder} too, from now on: it has the events of closed days."
        for folder in sorted({file.folder for file in files})
    ]
    show(document, counts, *([lines(remarks)] if remarks else []), as_json=as_json)
