"""`waybill restore`: a backup, into an empty installation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from console.backup.archive import ArchiveReader
from console.backup.load import ErasuresAfter, Restored, check, restore
from console.commands.terminal.options import json_option
from console.commands.terminal.output import say, show
from console.commands.terminal.progress import progress_bar
from console.connections import KEY, STORES, CommandContext, is_set, open_resources
from deploy.addresses import find_addresses
from deploy.folder import DataFolder, write_private
from deploy.programs import finish_erasures
from deploy.stack import Plan, Stack
from shared.errors import OperatorError
from shared.privacy.erasure_log import read_log
from shared.settings import Settings, read_settings


@click.command("restore")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the installation's key (`secret` of the old data folder).",
)
@click.option(
    "--erasure-log",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Log of the installation's erasures (`erasures.log` of the old data folder).",
)
@click.option("--check", "only_check", is_flag=True, help="Only verify that the file is whole.")
@json_option
@click.pass_obj
def restore_(
    context: CommandContext,
    file: BinaryIO,
    key_file: Path | None,
    erasure_log: Path | None,
    only_check: bool,
    as_json: bool,
) -> None:
    """Restore a backup into an empty installation.

    FILE was written by `waybill backup`; - reads standard input. Without DATABASE_URL and
    REDIS_URL it is restored into a new data folder (--data), which `waybill up` then runs; with
    them, into an empty database, while no program of Waybill runs. A damaged file changes nothing.
    Whoever was erased after the backup is erased again, by the log of erasures, before anything is
    served.
    """
    archive = ArchiveReader(file, getattr(file, "name", "the backup"))
    if only_check:
        header, manifest = check(archive)
        rows = sum(table.rows for table in manifest.tables.values())
        sentence = f"The backup of {header.created_at} is whole: {rows:,} rows."
        show({"created_at": header.created_at, "rows": rows}, sentence, as_json=as_json)
        return
    with _target(context, key_file) as variables:
        settings = read_settings(variables)
        erasures = _erasures_after(settings, variables, erasure_log)
        with (
            open_resources(settings, is_patient=True) as resources,
            progress_bar("bytes", enabled=not as_json) as advance,
        ):
            restored = restore(resources, archive, advance, erasures)
    if erasures and erasures.log.unreadable:
        say(f"{erasures.log.unreadable} lines of the log of erasures cannot be read.")
    show(restored, _summary(restored), as_json=as_json)


def _erasures_after(
    settings: Settings, variables: Mapping[str, str], named: Path | None
) -> ErasuresAfter | None:
    """Reads the log of erasures, and keeps it as that of the restored installation."""
    own = Path(settings.erasure_log) if settings.erasure_log else None
    path = named or own
    if path is None or not path.exists():
        say(
            "There is no log of erasures (--erasure-log): whoever was erased after the backup is "
            "in the restored installation. Erase them again."
        )
        return None
    content = path.read_bytes()
    log = read_log(content, str(path))
    if own is not None and not own.exists():
        write_private(own, content.decode(errors="replace"))
    return ErasuresAfter(log, lambda: finish_erasures(variables))


def _summary(restored: Restored) -> str:
    erased = "" if restored.erased_again is None else f" Erased again: {restored.erased_again}."
    return (
        f"Restored the backup of {restored.created_at}: {restored.rows:,} rows, and "
        f"{restored.inbox_events:,} events that wait in the inbox.{erased}"
    )


@contextmanager
def _target(context: CommandContext, key_file: Path | None) -> Iterator[Mapping[str, str]]:
    """Yields the variables of the stores to restore into, and runs those of a data folder."""
    variables = dict(context.variables)
    if all(is_set(variables, name) for name in STORES):
        if key_file:
            variables[KEY] = key_file.read_text().strip()
        yield variables
        return
    if find_addresses(context.data):
        raise OperatorError(
            f"Waybill runs in {context.data}. Restore into a new data folder, named by --data."
        )
    folder = DataFolder.at(context.data)
    folder.open()
    if key_file:
        folder.adopt_secret(key_file.read_text().strip())
    elif not folder.secret.exists() and not is_set(variables, KEY):
        raise OperatorError(
            "A backup does not hold the installation's key, and the data folder has none. Name "
            "the file that holds it with --key-file (it is `secret` in the old data folder)."
        )
    with Stack(context.data, variables, Plan(), say) as stack:
        yield stack.environment
