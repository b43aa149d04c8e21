"""Writes and reads the file of a backup, as a stream: a tar archive whose members prove themselves.

    header.json                        the migrations of the database, the check of its key
    inbox/000001.bin                   what waited in Redis: entries of the stream
    tables/NAME/columns.json           then 000001.copy.gz … in PostgreSQL's text format
    sequences.json
    manifest.json                      the last member: the SHA-256 of each, rows and digest a table

Each member carries its SHA-256 in its header too, so that nothing damaged is ever read as a row. A
file that is cut off has no manifest. Neither can be restored.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO

import msgspec

from shared.errors import OperatorError

FORMAT = 1
HEADER, MANIFEST = "header.json", "manifest.json"
PIECE_BYTES = 4 << 20  # before compression: the memory that a backup takes, whatever its size
PIECE_BYTES_MAX = 64 << 20  # no row and no entry of the inbox is larger
_SUM = "comment"  # the keyword of POSIX for what a program adds to a member
_COMPRESSION = 1  # level 6 takes four times the CPU for a tenth less

# Whatever tarfile, zlib and msgspec make of bytes that nobody wrote as a backup.
UNREADABLE = (
    *(tarfile.TarError, msgspec.MsgspecError, zlib.error, EOFError),
    *(ValueError, LookupError, OverflowError),
)


class DamagedBackup(OperatorError):
    """The file is not a whole backup; the message says what is wrong with which part of it."""


class TableSum(msgspec.Struct, frozen=True):
    """The rows of a table and their digest, which does not depend on their order."""

    rows: int
    digest: str


class FormatOnly(msgspec.Struct, frozen=True):
    """The part of the first member that every format has."""

    format: int


class Header(msgspec.Struct, frozen=True):
    """The first member: what has to be known before anything is restored."""

    format: int
    created_at: str
    migrations: list[str]
    key_check: str  # hexadecimal, as in the table `installation`
    days: list[str]  # of the partitions of events, ISO 8601


class Manifest(msgspec.Struct, frozen=True):
    """The last member: the contents of all others."""

    tables: dict[str, TableSum]
    inbox_events: int
    members: dict[str, str]  # the SHA-256 of each, hexadecimal


@dataclass
class ArchiveWriter:
    """An archive that is written from its first member to its manifest."""

    stream: BinaryIO
    _members: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=self.stream, mode="w|")  # noqa: SIM115 - `finish` closes it

    def add_document(self, name: str, document: object) -> None:
        """Adds a JSON document."""
        self._add(name, msgspec.json.encode(document))

    def add_piece(self, name: str, content: bytes) -> None:
        """Adds a piece of a table or of the inbox, compressed."""
        self._add(name, zlib.compress(content, _COMPRESSION))

    def finish(self, tables: dict[str, TableSum], inbox_events: int) -> Manifest:
        """Adds the manifest and ends the archive."""
        manifest = Manifest(tables, inbox_events, dict(self._members))
        self._add(MANIFEST, msgspec.json.encode(manifest))
        self._tar.close()
        self.stream.flush()
        return manifest

    def _add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        member.mode = 0o600
        member.pax_headers = {_SUM: sha256(content).hexdigest()}
        self._tar.addfile(member, io.BytesIO(content))
        self._members[name] = member.pax_headers[_SUM]


@dataclass
class ArchiveReader:
    """An archive that is read once, member by member; `name` is shown in errors.

    The manifest is known, and every member proven against it, once `members` has yielded the last.
    """

    stream: BinaryIO
    name: str
    manifest: Manifest | None = None
    _sums: dict[str, str] = field(default_factory=dict)

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Yields the name and content of every member but the manifest, pieces inflated.

        Raises DamagedBackup where the archive is not what was written.
        """
        try:
            with tarfile.open(fileobj=self.stream, mode="r|") as tar:
                for member in tar:
                    content = self._content(tar, member)
                    if self.manifest is not None:
                        raise self.damaged(f"{member.name} comes after its manifest")
                    if member.name == MANIFEST:
                        self.manifest = msgspec.json.decode(content, type=Manifest)
                        continue
                    if member.name in self._sums:
                        raise self.damaged(f"{member.name} is in it twice")
                    self._sums[member.name] = member.pax_headers[_SUM]
                    yield member.name, self._inflated(member.name, content)
        except UNREADABLE as error:
            raise self.damaged("it is cut off, or no backup at all") from error
        self._prove()

    def _content(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        file = tar.extractfile(member)
        if file is None or member.size > PIECE_BYTES_MAX:
            raise self.damaged(f"{member.name} is not a member of a backup")
        content = file.read()
        if member.pax_headers.get(_SUM) != sha256(content).hexdigest():
            raise self.damaged(f"{member.name} is damaged")
        return content

    def _inflated(self, name: str, content: bytes) -> bytes:
        if name.endswith(".json"):
            return content
        inflater = zlib.decompressobj()
        inflated = inflater.decompress(content, PIECE_BYTES_MAX)
        if not inflater.eof:
            raise self.damaged(f"{name} is larger than any piece of a backup")
        return inflated

    def _prove(self) -> None:
        if self.manifest is None:
            raise self.damaged("it is cut off: it has no manifest")
        for name in {**self.manifest.members, **self._sums}:
            if self.manifest.members.get(name) != self._sums.get(name):
                raise self.damaged(f"{name} is not what was written")
        if [*self._sums] != [*self.manifest.members]:
            raise self.damaged("its members are in another order than they were written in")

    def damaged(self, reason: str) -> DamagedBackup:
        """Returns the error that names this archive and what is wrong with it."""
        return DamagedBackup(
            f"{self.name} cannot be restored: {reason}. Nothing was changed. Use another backup."
        )
