"""Reads the text of a file from its pieces, and unpacks it if it is gzip. Pure: bytes in and out.

A packed file is unpacked from its beginning whenever its import goes on: a second for the largest.
"""

import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO, cast

from shared.errors import OperatorError
from shared.imports.upload import UPLOAD_BYTES_MAX

GZIP = b"\x1f\x8b"
_WITH_HEADER = 31  # zlib's number for gzip
_CHUNK_BYTES = 65_536
MEMBERS_MAX = 1_000_000  # of a gzip file: they may be empty, and take time all the same
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = (b"PK\x03\x04", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class UnreadableFile(OperatorError):
    """A file of which no line can be read, or no further line."""

    code = "unreadable_file"


class _Chunks(io.RawIOBase):
    """A file that consists of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast("bytearray", buffer))
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def check_start(start: bytes) -> None:
    """Raises UnreadableFile for the first bytes of what is neither UTF-8 nor gzip."""
    if start.startswith(_UTF_16):
        raise UnreadableFile("The file is UTF-16. Save it as UTF-8 and upload it again.")
    if start.startswith(_ARCHIVES):
        raise UnreadableFile(
            "The file is an archive. Upload the file in it, as it is or packed by gzip."
        )


def open_text(
    pieces_from: Callable[[int], Iterator[bytes]], offset: int, bytes_max: int = UPLOAD_BYTES_MAX
) -> BinaryIO:
    """Returns the text as a file that stands at `offset`.

    `pieces_from` yields the bytes of the file, as it was uploaded, from an offset on. Reading
    raises UnreadableFile, also when the text has more than `bytes_max`.
    """
    pieces = pieces_from(0)
    first = next(pieces, b"")
    if not first.startswith(GZIP):
        return cast("BinaryIO", io.BufferedReader(_Chunks(pieces_from(offset)), _CHUNK_BYTES))
    text = io.BufferedReader(_Chunks(unpack(chain((first,), pieces), bytes_max)), _CHUNK_BYTES)
    while offset and (skipped := len(text.read(min(offset, _CHUNK_BYTES)))):
        offset -= skipped
    return cast("BinaryIO", text)


def unpack(pieces: Iterable[bytes], bytes_max: int) -> Iterator[bytes]:
    """Yields the text of a gzip file, whose members are one text. Raises UnreadableFile."""
    total = 0
    for text in _members(pieces):
        if not total:
            check_start(text)
        total += len(text)
        if total > bytes_max:
            raise UnreadableFile(
                f"The file unpacks to more than {bytes_max // 1024**2} MiB. Split it, or import it "
                "with waybill import."
            )
        yield text


def _members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    members = 1
    member = zlib.decompressobj(_WITH_HEADER)
    for piece in pieces:
        packed, text = piece, b""
        while packed or len(text) == _CHUNK_BYTES:  # zlib may hold more text than was asked for
            if member.eof:
                packed = packed.lstrip(b"\0")  # tapes and block devices pad with zeros
                if not packed:
                    break
                members += 1
                if members > MEMBERS_MAX:
                    raise UnreadableFile(
                        f"The gzip file has more than {MEMBERS_MAX:,} members. Pack it as one."
                    )
                member = zlib.decompressobj(_WITH_HEADER)
            try:
                text = member.decompress(packed, _CHUNK_BYTES)
            except zlib.error:
                raise UnreadableFile("The gzip file is damaged. Upload it again.") from None
            packed = member.unconsumed_tail or member.unused_data
            if text:
                yield text
    if not member.eof:
        raise UnreadableFile("The gzip file is cut off. Upload all of it again.")
