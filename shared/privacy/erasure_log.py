"""Keeps the log of erasures: a file outside the database, from which a restore erases again.

A backup holds everybody who was erased after it. The log has the digests of their ids, as the
tombstones do, and no identity: whoever has the file, but not the key, cannot test a guess with it.
It is only ever appended to, and on disk before anything is erased.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec

from shared.database import Connection, run
from shared.errors import OperatorError

_ERASURES = """
SELECT erasures.id, erasures.app_id, requested_at, proof,
       array_agg(kind ORDER BY digest), array_agg(encode(digest, 'hex') ORDER BY digest)
FROM tombstones JOIN erasures ON erasures.id = erasure_id
WHERE reason = 'erased' GROUP BY erasures.id ORDER BY requested_at, erasures.id
"""


class ErasureLogError(OperatorError):
    """The log cannot be written or read; without it nobody is erased."""


class LogOwner(msgspec.Struct, frozen=True, tag="owner"):
    """The first line: a check of the key that the digests were made under."""

    key_check: str


class LoggedErasure(msgspec.Struct, frozen=True, tag="erased"):
    """Digests of a person's ids, each with its kind. An erasure may have several such lines."""

    erasure_id: UUID
    app_id: int
    requested_at: datetime
    proof: list[str]
    digests: list[tuple[str, str]]


class LoggedAllowance(msgspec.Struct, frozen=True, tag="allowed"):
    """Digests whose data may be stored again from now on."""

    digests: list[str]


LogEntry = LogOwner | LoggedErasure | LoggedAllowance


@dataclass(frozen=True)
class LogContents:
    """The entries of a log in their order; `unreadable` lines were cut off by a crash."""

    owner: str
    entries: Sequence[LoggedErasure | LoggedAllowance]
    unreadable: int


def owner_check(tombstone_key: bytes) -> str:
    """Returns a value that shows whether a log belongs to an installation, but not the key."""
    return sha256(b"waybill erasure log " + tombstone_key).hexdigest()


@dataclass(frozen=True)
class ErasureLog:
    """The log at `path`, which is made with its first entry."""

    path: Path

    def append(
        self, connection: Connection, tombstone_key: bytes, entry: LoggedErasure | LoggedAllowance
    ) -> None:
        """Appends an entry; it is on disk on return. Raises ErasureLogError.

        A log that does not exist is begun with the erasures that the tables know of.
        """
        try:
            if not self.path.exists():
                self._begin(connection, tombstone_key)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.fstat(descriptor).st_size
                is_whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"
                line = (b"" if is_whole else b"\n") + _lines([entry])
                if os.write(descriptor, line) != len(line):
                    raise OSError(None, "no room for the whole line")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ErasureLogError(
                f"The log of erasures, {self.path}, cannot be written: {error.strerror}. Nobody is "
                "erased until it can. Make room, or name another file in WAYBILL_ERASURE_LOG."
            ) from error

    def _begin(self, connection: Connection, tombstone_key: bytes) -> None:
        erasures = [
            LoggedErasure(id_, app_id, at, proof, list(zip(kinds, digests, strict=True)))
            for id_, app_id, at, proof, kinds, digests in run(connection, _ERASURES)
        ]
        new_path = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_lines([LogOwner(owner_check(tombstone_key)), *erasures]))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # another program was faster: its log is used
            self.path.hardlink_to(new_path)
        new_path.unlink()
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_log(content: bytes, name: str) -> LogContents:
    """Reads a log; `name` is shown in errors. Raises ErasureLogError for a file that is none."""
    decoder = msgspec.json.Decoder(LogEntry)
    entries: list[LoggedErasure | LoggedAllowance] = []
    owner, unreadable = None, 0
    for line in content.splitlines():
        try:
            entry = decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            unreadable += 1
            continue
        if isinstance(entry, LogOwner):
            owner = entry.key_check
        else:
            entries.append(entry)
    if owner is None:
        raise ErasureLogError(f"{name} is no log of erasures: no line says whose it is.")
    return LogContents(owner, entries, unreadable)


def _lines(entries: Iterable[LogEntry]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
