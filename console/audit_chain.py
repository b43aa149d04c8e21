"""Proves that the audit log is what was written: each entry holds the digest of the one before it.

PostgreSQL chains an entry when its transaction commits, whatever program wrote it. This module
calculates the digests again from the rows alone, by a function of its own: one that was changed in
the database cannot vouch for itself. Whoever owns the database can still write a whole new chain;
only a head that was kept elsewhere shows that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import inf
from time import monotonic
from typing import NamedTuple

from console.consistent_read import one_moment
from shared.database import Connection, run
from shared.errors import BadValue, OperatorError
from shared.shards.advisory_locks import AdvisoryLock, try_lock_session, unlock_session

ROWS_AT_ONCE = 2_000
WEB_SECONDS_MAX = 20.0  # a thread and a connection of the console are held as long
_NOTHING = b""

_ANCHOR = "SELECT position, digest, deleted_at FROM audit_anchor"
_UNCHAINED = "SELECT count(*), min(id) FROM audit_log WHERE position IS NULL"
_PAGE = """
    SELECT position, id, (extract(epoch FROM at) * 1000000)::bigint, actor, app_id, action, subject,
           before::text, after::text, digest, at
    FROM audit_log WHERE position > %s ORDER BY position LIMIT %s
"""


class ChainHead(NamedTuple):
    """The last entry of a chain: its position and digest."""

    position: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.digest.hex()}"


@dataclass(frozen=True)
class ChainFault:
    """The first entry that does not fit: its position in the chain, and the entry if it is there.

    `reason` is the end of a sentence.
    """

    position: int
    reason: str
    id: int | None = None
    at: datetime | None = None
    action: str | None = None


@dataclass(frozen=True)
class ChainReport:
    """The result of a verification.

    The chain has `entries` entries behind the anchor, the last entry that was deleted on purpose;
    0 is its beginning. `head` is to be kept elsewhere. `unchained` entries have no place in it.
    """

    entries: int
    anchor: int
    deleted_at: datetime | None
    head: str
    unchained: int
    fault: ChainFault | None


def read_head(text: str) -> ChainHead:
    """Reads a head as it was noted. Raises BadValue."""
    position, _, digest = text.strip().partition(":")
    try:
        head = ChainHead(int(position), bytes.fromhex(digest))
    except ValueError:
        head = ChainHead(0, _NOTHING)
    if not position.isdecimal() or len(head.digest) != sha256().digest_size:
        raise BadValue("head", "must be a position and a digest, as a verification has shown them.")
    return head


def verify_chain(
    connection: Connection, noted: ChainHead | None = None, seconds_max: float = inf
) -> ChainReport:
    """Verifies the chain from its anchor to its end, and that a head noted earlier is part of it.

    It is the log of one moment: what is written or expires meanwhile is no part of it. Raises
    DatabaseError, and OperatorError when it takes longer.
    """
    with one_moment(connection):
        return _verified(connection, noted, monotonic() + seconds_max)


def verify_chain_on_the_web(connection: Connection, noted: ChainHead | None) -> ChainReport:
    """Verifies the chain for somebody who waits for a page, one at a time.

    Raises OperatorError when another one is verified, or it takes longer than WEB_SECONDS_MAX.
    """
    if not try_lock_session(connection, AdvisoryLock.VERIFY_AUDIT):
        raise OperatorError("The audit log is being verified already. Try again in a moment.")
    try:
        return verify_chain(connection, noted, WEB_SECONDS_MAX)
    finally:
        unlock_session(connection, AdvisoryLock.VERIFY_AUDIT)


def _verified(connection: Connection, noted: ChainHead | None, ends_at: float) -> ChainReport:
    row = run(connection, _ANCHOR).fetchone()
    position, digest, deleted_at = (row[0], bytes(row[1]), row[2]) if row else (0, _NOTHING, None)
    anchor, entries = position, 0
    fault = None
    if noted is not None and noted.position <= anchor and noted != (anchor, digest):
        fault = ChainFault(noted.position, "was deleted since it was noted, as it had expired")
    for entry in () if fault else _entries(connection, anchor, ends_at):
        expected = sha256(digest + b"".join(map(_field, entry.fields))).digest()
        if entry.position != position + 1:
            fault = ChainFault(position + 1, "is missing")
        elif entry.digest != expected:
            fault = entry.fault("does not fit the one before it: one of them was changed")
        elif noted is not None and noted.position == entry.position and noted.digest != expected:
            fault = entry.fault("is another one than was noted: the log was written anew")
        if fault is not None:
            break
        position, digest, entries = entry.position, expected, entries + 1
    if fault is None and noted is not None and noted.position > position:
        fault = ChainFault(position + 1, "is missing: the log was longer when its head was noted")
    [(unchained, first)] = run(connection, _UNCHAINED).fetchall()
    if fault is None and unchained:
        fault = ChainFault(
            position + 1,
            "is in no place of the chain. After an upgrade, finish it with waybill migrate "
            "--finish; otherwise somebody wrote it past Waybill",
            first,
        )
    head = ChainHead(position, digest)
    return ChainReport(entries, anchor, deleted_at, str(head), unchained, fault)


class ChainedEntry(NamedTuple):
    """An entry with the texts that its digest is made of."""

    position: int
    id: int
    fields: tuple[str | None, ...]
    digest: bytes
    at: datetime
    action: str

    def fault(self, reason: str) -> ChainFault:
        """Returns that this entry does not fit, for this reason."""
        return ChainFault(self.position, reason, self.id, self.at, self.action)


def _entries(connection: Connection, position: int, ends_at: float) -> Iterator[ChainedEntry]:
    while rows := run(connection, _PAGE, (position, ROWS_AT_ONCE)).fetchall():
        for *values, digest, at in rows:
            fields = tuple(None if value is None else str(value) for value in values)
            entry_digest = _NOTHING if digest is None else bytes(digest)
            yield ChainedEntry(values[0], values[1], fields, entry_digest, at, values[5])
        position = rows[-1][0]
        if monotonic() > ends_at:
            raise OperatorError(
                f"There was time to verify the entries up to {position}. `waybill audit verify` "
                "takes the time that all of them need."
            )


def _field(text: str | None) -> bytes:
    """Writes a field with its length, so that no two entries have the same bytes."""
    if text is None:
        return b"-"
    encoded = text.encode()
    return b"%d:%s" % (len(encoded), encoded)
