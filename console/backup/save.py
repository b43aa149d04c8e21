"""Writes a backup of an installation while it runs.

The inbox is read first and the tables afterwards, all of them as they were at one moment. So every
event that was acknowledged before the backup began is in it: as a row, or as an entry of the inbox.
One that was recorded in between is in both, and is recognized by its receipt.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import BinaryIO

import msgspec

from console.backup.archive import (
    FORMAT,
    HEADER,
    PIECE_BYTES,
    ArchiveWriter,
    Header,
    Manifest,
    TableSum,
)
from console.backup.tables import SavedTable, find_tables, partition_days, read_sequences
from console.resources import Resources
from shared.database import (
    Connection,
    copy_table_out,
    exported_snapshot,
    reading_snapshot,
    run,
)
from shared.inbox import all_entries
from shared.publishing import require_key
from shared.tokens import key_check

INBOX, TABLES, SEQUENCES = "inbox/", "tables/", "sequences.json"
COLUMNS = "columns.json"
DIGEST_BYTES = 16
_DIGESTS = 1 << (8 * DIGEST_BYTES)

Advance = Callable[[int, int | None], None]


class SavedEntry(msgspec.Struct, frozen=True, array_like=True):
    """An entry of the inbox: what `shared.inbox.append` takes."""

    count: int
    wire_version: int
    payload: bytes
    apps: str = ""


@dataclass
class RowSum:
    """A count of lines and the sum of their digests, which no order changes."""

    rows: int = 0
    total: int = 0

    def add(self, line: bytes | memoryview) -> None:
        self.rows += 1
        self.total += int.from_bytes(blake2b(line, digest_size=DIGEST_BYTES).digest(), "big")

    def result(self) -> TableSum:
        return TableSum(self.rows, f"{self.total % _DIGESTS:032x}")


def save(
    resources: Resources, reader: Connection, stream: BinaryIO, created_at: str, advance: Advance
) -> Manifest:
    """Writes a backup to `stream` and returns its manifest.

    `reader` is a second connection to the same database. `advance` hears how many rows are written
    and how many there are, by PostgreSQL's estimate. Raises DatabaseError and RedisError.
    """
    archive = ArchiveWriter(stream)
    archive.add_document(HEADER, _header(resources, created_at))
    inbox_events = _save_inbox(resources, archive)
    sums: dict[str, TableSum] = {}
    with exported_snapshot(resources.connection) as snapshot:
        with reading_snapshot(reader, snapshot):
            tables, expected = find_tables(reader), _expected_rows(reader)
        for table in tables:
            archive.add_document(f"{TABLES}{table.name}/{COLUMNS}", table.columns)
            done = sum(each.rows for each in sums.values())
            row_sum = RowSum()
            rows = _rows(reader, snapshot, table, row_sum)
            for number, piece in enumerate(_pieces(rows), start=1):
                archive.add_piece(f"{TABLES}{table.name}/{number:06}.copy.gz", piece)
                advance(done + row_sum.rows, expected)
            sums[table.name] = row_sum.result()
        with reading_snapshot(reader, snapshot):
            archive.add_document(SEQUENCES, read_sequences(reader))
    return archive.finish(sums, inbox_events)


def _header(resources: Resources, created_at: str) -> Header:
    connection = resources.connection
    migrations = run(connection, "SELECT name FROM schema_migrations ORDER BY name").fetchall()
    return Header(
        format=FORMAT,
        created_at=created_at,
        migrations=[name for (name,) in migrations],
        key_check=key_check(require_key(connection, resources.secret_key)).hex(),
        days=[day.isoformat() for day in partition_days(connection)],
    )


def _save_inbox(resources: Resources, archive: ArchiveWriter) -> int:
    """Saves what waits in the inbox; returns the number of its events."""
    events = 0
    encoded = msgspec.msgpack.Encoder()
    for number, entry in enumerate(all_entries(resources.redis), start=1):
        saved = SavedEntry(entry.count, entry.wire_version, entry.payload, entry.apps)
        archive.add_piece(f"{INBOX}{number:06}.bin", encoded.encode(saved))
        events += entry.count
    return events


def _expected_rows(connection: Connection) -> int:
    row = run(
        connection,
        """
        SELECT sum(greatest(reltuples, 0))::bigint FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        """,
    ).fetchone()
    assert row is not None
    return int(row[0] or 0)


def _rows(
    connection: Connection, snapshot: str, table: SavedTable, row_sum: RowSum
) -> Iterator[memoryview]:
    """Yields the rows of a table, each part in a transaction of its own.

    So no lock outlives the reading of a part, and a day's partition can be attached meanwhile.
    """
    for part in table.parts:
        with reading_snapshot(connection, snapshot):
            for row in copy_table_out(connection, part, table.columns):
                row_sum.add(row)
                yield row


def _pieces(rows: Iterable[memoryview]) -> Iterator[bytes]:
    """Joins rows into pieces of a few megabytes."""
    piece = bytearray()
    for row in rows:
        piece += row
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
