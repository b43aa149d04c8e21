"""Restores a backup into an empty installation.

The schema comes first, by the migrations that the backup's database had; then all rows, in one
transaction that is committed once the whole file has proven to be what was written; then the
migrations of this version that the backup did not have. So a restore that fails has changed
nothing but an empty schema, and can be repeated.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import IO, NamedTuple, cast

import msgspec

from console.backup.archive import (
    FORMAT,
    HEADER,
    ArchiveReader,
    FormatOnly,
    Header,
    Manifest,
)
from console.backup.erase_again import erase_again
from console.backup.save import COLUMNS, INBOX, SEQUENCES, TABLES, Advance, SavedEntry
from console.backup.tables import find_tables
from console.publication import publishing_transaction
from console.resources import Resources
from shared.database import (
    Connection,
    DatabaseError,
    copy_table_in,
    has_rows,
    run,
    sqlstate,
    transaction,
)
from shared.errors import OperatorError
from shared.inbox import append
from shared.keys.installation_key import key_with_check
from shared.migrate import migrate, migrations
from shared.partitions import make_days
from shared.privacy.erasure_log import LogContents
from shared.redis import Redis

Members = Iterator[tuple[str, bytes]]

# A snapshot that an ingest process still knows must not look newer than the restored ones.
_VERSIONS_SKIPPED = 1_000_000
_SPOOL_BYTES_MAX = 64 << 20  # of the inbox in memory; the rest waits in a temporary file
_LENGTH_BYTES = 4

_OF_ROWS = frozenset({"22", "23"})  # classes of SQLSTATE: a value, or a constraint
_OF_NAMES = frozenset({"42P01", "42703"})  # no such table, no such column

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'waybill %' AND pid <> pg_backend_pid()
"""


class ErasuresAfter(NamedTuple):
    """The log of erasures, and what carries out those that the backup does not know."""

    log: LogContents
    finish: Callable[[], None]


@dataclass(frozen=True)
class Restored:
    """The contents of a restored backup. `migrations` were applied after it."""

    created_at: str
    rows: int
    inbox_events: int
    migrations: list[str]
    erased_again: int | None  # None: there was no log of erasures


def check(archive: ArchiveReader) -> tuple[Header, Manifest]:
    """Reads a whole backup without restoring it. Raises DamagedBackup."""
    members = archive.members()
    header = _read_header(archive, members)
    for _ in members:
        pass
    return header, cast("Manifest", archive.manifest)  # `members` has proven it


def restore(
    resources: Resources,
    archive: ArchiveReader,
    advance: Advance,
    erasures: ErasuresAfter | None = None,
) -> Restored:
    """Restores a backup into the empty stores of `resources`, and erases whoever was erased since.

    `advance` hears how many bytes of rows are restored. Raises DamagedBackup, DatabaseError,
    RedisError, and OperatorError where the stores are not empty, programs still run, or the key or
    the version does not fit.
    """
    connection, members = resources.connection, archive.members()
    header = _read_header(archive, members)
    _require_key(resources, header)
    _make_schema(connection, header)
    make_days(connection, map(date.fromisoformat, header.days))
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES_MAX) as spool:
        with transaction(connection):
            run(connection, "SET LOCAL statement_timeout = 0")
            _require_empty(connection)
            rows = _load_all(connection, archive, members, spool, advance)
            manifest = cast("Manifest", archive.manifest)
            _require_all_rows(manifest, rows)
        applied = migrate(connection, finish=True).applied
        _analyze(connection)
        # Before the inbox and the tokens are back: nobody who was erased is served.
        erased = erase_again(resources, *erasures) if erasures else None
        spool.seek(0)
        _append_entries(resources.redis, spool)
    with publishing_transaction(resources):
        pass  # changes nothing, publishes the restored tokens
    return Restored(header.created_at, sum(rows.values()), manifest.inbox_events, applied, erased)


def _read_header(archive: ArchiveReader, members: Members) -> Header:
    name, content = next(members, ("", b""))
    if name != HEADER:
        raise archive.damaged(f"it does not begin with {HEADER}")
    known = {migration.name for migration in migrations()}
    try:
        is_known = msgspec.json.decode(content, type=FormatOnly).format == FORMAT
        if is_known:
            header = msgspec.json.decode(content, type=Header)
            is_known = known.issuperset(header.migrations)
            bytes.fromhex(header.key_check)
            [date.fromisoformat(day) for day in header.days]
    except (msgspec.MsgspecError, ValueError) as error:
        raise archive.damaged(f"{HEADER} cannot be read") from error
    if not is_known:
        raise OperatorError(
            f"{archive.name} was written by a newer version of Waybill. Restore it with that "
            "version or a newer one."
        )
    return header


def _require_key(resources: Resources, header: Header) -> None:
    if key_with_check(resources.secret_key, bytes.fromhex(header.key_check)) is None:
        raise OperatorError(
            "The backup was made under another installation key, with which its tokens are "
            "stored. Restore with that key: --key-file for a data folder, WAYBILL_SECRET_KEY "
            "otherwise."
        )


def _make_schema(connection: Connection, header: Header) -> None:
    """Applies the migrations that the backup's database had to one that has none."""
    row = run(connection, _OTHERS).fetchone()
    if row is not None and row[0]:
        raise OperatorError(
            "Programs of Waybill are connected to this database. Stop all of them, then restore."
        )
    available = [each for each in migrations() if each.name in set(header.migrations)]
    migrate(connection, finish=True, available=available)
    applied = run(connection, "SELECT name FROM schema_migrations").fetchall()
    if {name for (name,) in applied} != set(header.migrations):
        raise OperatorError(
            "The database was migrated to a newer version than the backup's. Restore into a new, "
            "empty database: restoring brings it to this version."
        )


def _require_empty(connection: Connection) -> None:
    """Raises OperatorError unless every table is empty; the check of a key may be there."""
    for table in find_tables(connection):
        if table.name != "installation" and has_rows(connection, table.name):
            raise OperatorError(
                f"The database is not empty: {table.name} has rows. A backup is restored into a "
                "new data folder (--data) or a new, empty database (DATABASE_URL)."
            )
    run(connection, "DELETE FROM installation")


def _load_all(
    connection: Connection,
    archive: ArchiveReader,
    members: Members,
    spool: IO[bytes],
    advance: Advance,
) -> dict[str, int]:
    """Restores every member. Raises DamagedBackup where the tables do not take what is in it."""
    try:
        return _load(connection, archive, members, spool, advance)
    except DatabaseError as error:
        state = sqlstate(error) or ""
        if state[:2] not in _OF_ROWS and state not in _OF_NAMES:
            raise
        reason = f"the tables do not take its rows (SQLSTATE {state})"
        raise archive.damaged(reason) from None  # PostgreSQL's own message quotes a row


def _load(
    connection: Connection,
    archive: ArchiveReader,
    members: Members,
    spool: IO[bytes],
    advance: Advance,
) -> dict[str, int]:
    """Restores every member; returns the number of rows of each table."""
    rows: dict[str, int] = {}
    done_bytes = 0

    def counted(pieces: Members) -> Iterator[bytes]:
        nonlocal done_bytes
        for _, content in pieces:
            done_bytes += len(content)
            advance(done_bytes, None)
            yield content

    for part, group in groupby(members, lambda member: member[0].rpartition("/")[0] + "/"):
        table = part.removeprefix(TABLES).removesuffix("/")
        for name, content in group:
            if part == INBOX:
                spool.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
            elif name == SEQUENCES:
                _set_sequences(connection, msgspec.json.decode(content, type=dict[str, int]))
            elif name.endswith(COLUMNS):
                columns = msgspec.json.decode(content, type=list[str])
                pieces = counted(group)  # noqa: B031 - the rest of the group, read once
                rows[table] = copy_table_in(connection, table, columns, pieces)
            else:
                raise archive.damaged(f"{name} is not where it was written")
    return rows


def _set_sequences(connection: Connection, values: dict[str, int]) -> None:
    for name, value in values.items():
        skipped = _VERSIONS_SKIPPED if name == "snapshot_version" else 0
        run(connection, "SELECT setval(%s::regclass, %s)", (name, value + skipped))


def _require_all_rows(manifest: Manifest, rows: dict[str, int]) -> None:
    for name, table in manifest.tables.items():
        if rows.get(name, 0) != table.rows:
            raise OperatorError(
                f"Of {name}, {rows.get(name, 0):,} rows were restored instead of {table.rows:,}. "
                "Nothing was changed."
            )


def _analyze(connection: Connection) -> None:
    """Lets PostgreSQL plan by what the tables hold before the programs start."""
    run(connection, "SET statement_timeout = 0")
    run(connection, "ANALYZE")
    run(connection, "RESET statement_timeout")


def _append_entries(redis: Redis, spool: IO[bytes]) -> None:
    """Puts what waited in the inbox into it again."""
    decoder = msgspec.msgpack.Decoder(SavedEntry)
    while length := spool.read(_LENGTH_BYTES):
        entry = decoder.decode(spool.read(int.from_bytes(length, "big")))
        append(redis, entry.payload, entry.count, entry.wire_version, entry.apps)
